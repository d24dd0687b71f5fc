//! The one unsafe cell behind state that a lock guards.
#![no_std]
