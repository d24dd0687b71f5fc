//! Figures, and where they come from.

use super::{Outcome, root, tool};

#[test]
#[ignore = "needs the tool and QEMU"]
fn where_the_instructions_of_a_row_go_is_told_on_both_boards() {
    for board in ["raspi3b", "virt"] {
        let outcome = Outcome::of(tool(root()).args(["bench", "--explain", "futex.wait_mismatch", "--board", board]));
        outcome.assert(0, &["futex.wait_mismatch: ", "instructions a round", "bench::sync::", "atomic_load", "count_entry"]);
    }
    Outcome::of(tool(root()).args(["bench", "--explain", "futex.nothing"])).assert(1, &["no row is called futex.nothing"]);
}
