//! What memory costs: blocks of the heap, copies, pages.

mod copies;
mod heap;
mod pages;

/// Prints the rows of every subject.
pub fn run() {
    heap::run();
    copies::run();
    pages::run();
}
