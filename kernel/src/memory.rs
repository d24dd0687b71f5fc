//! Memory: who owns which frame, what is mapped where, and the heap.
//!
//! - [`frames`]: physical pages, one bit each
//! - [`map`]: the translation tables; RAM mapped one to one, the image by its segments, the window page by page
//! - [`window`]: addresses above all RAM, for what needs guard pages or a first-touch mapping: stacks, `mmap`
//! - [`shared`]: a segment's frames, mapped wherever it is attached
//! - [`stack`]: a thread's stack and TLS block, recycled
//! - [`virtio`], [`usb`]: frames lent to virtio devices, and to the Pi's USB controller
//! - [`heap`]: talc behind `sys_malloc`, and `cache`, which keeps small blocks at hand

pub mod cache;
pub mod frames;
pub mod heap;
pub mod map;
pub mod shared;
pub mod stack;
pub mod usb;
pub mod virtio;
pub mod window;

pub use heap::Heap;
