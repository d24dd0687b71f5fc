//! The locks of POSIX threads, and its semaphores: C's symbols over `skete-sync`. One file a subject.
//!
//! They answer with an error's number; semaphores with −1 and [`errno`](crate::errno).
