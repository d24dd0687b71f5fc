//! Looks names up: asks, and waits for the answer.

use skete_abi::Errno;
use skete_net::IpAddress;
use skete_net::setup::SERVERS;
use skete_net::socket::Family;

use super::wait::until_outlook;

/// Addresses that one name may have, of both kinds.
pub const MOST: usize = 16;

/// The addresses of one kind of `name`, as many as fit; how many.
///
/// # Errors
/// `ENOENT`: there is no such name, or nobody answers. `EINVAL`: it is no name. `ENETUNREACH`: there is nobody to ask. `EAGAIN`: too many
/// ask. `EINTR`.
pub fn look_up(name: &str, family: Family, into: &mut [IpAddress]) -> Result<usize, Errno> {
    let query = until_outlook(|stack| stack.ask(name, family))?;
    super::ring();
    let answer = until_outlook(|stack| match stack.answer(query, into) {
        Err(Errno::EAGAIN) => Err(Errno::EINPROGRESS),
        answered => answered,
    });
    if answer == Err(Errno::EINTR) {
        let _ = super::with(|stack| {
            stack.forget(query);
            Ok(())
        });
    }
    answer
}

/// Who knows names.
///
/// # Errors
/// `ENETUNREACH`: nobody. `EINTR`.
pub fn servers() -> Result<[Option<IpAddress>; SERVERS], Errno> {
    until_outlook(|stack| stack.servers())
}
