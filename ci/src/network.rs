//! The guest's network: QEMU's user network, in which this machine is 10.0.2.2, and which of this machine's ports lead to the guest.

use std::net::Ipv4Addr;
use std::str::FromStr;

use anyhow::{Result, ensure};
use clap::Args;

use crate::board::{Board, Machine};

/// What the guest's network is to be.
#[derive(Clone, Debug, Default, Args)]
pub struct Network {
    /// Lead a port of this machine's to one of the guest's; `udp:` in front for UDP. May be repeated.
    #[arg(long, value_name = "[udp:]HERE:THERE")]
    pub forward: Vec<Forward>,
    /// Fix the guest's address instead of asking DHCP, such as 10.0.2.15/24,10.0.2.2,10.0.2.3.
    #[arg(long, value_name = "ADDRESS/BITS[,GATEWAY[,NAMES]]", value_parser = address)]
    pub ip: Option<String>,
    /// Plug no network card in.
    #[arg(long)]
    pub no_card: bool,
}

/// A port of this machine's that leads to the guest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Forward {
    is_udp: bool,
    here: u16,
    there: u16,
}

impl Forward {
    /// A port of TCP's.
    pub const fn tcp(here: u16, there: u16) -> Self {
        Self { is_udp: false, here, there }
    }
}

impl FromStr for Forward {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (is_udp, ports) = text.strip_prefix("udp:").map_or((false, text.strip_prefix("tcp:").unwrap_or(text)), |ports| (true, ports));
        let (here, there) = ports.split_once(':').ok_or("two ports are needed, such as 7777:7")?;
        let port = |text: &str| text.parse().ok().filter(|port| *port > 0).ok_or_else(|| format!("`{text}` is no port"));
        Ok(Self { is_udp, here: port(here)?, there: port(there)? })
    }
}

/// Reads an address as the kernel does.
fn address(text: &str) -> Result<String, String> {
    let mut parts = text.split(',');
    let (address, bits) = parts.next().and_then(|part| part.split_once('/')).ok_or("an address and the bits of its network are needed")?;
    bits.parse::<u8>().ok().filter(|bits| *bits <= 32).ok_or("a network has 0 to 32 bits")?;
    let others: Vec<&str> = parts.collect();
    if others.len() > 2 {
        return Err("a gateway and a server of names is all that can be told".into());
    }
    let mut all = std::iter::once(address).chain(others.into_iter().filter(|part| !part.is_empty()));
    all.try_for_each(|part| part.parse::<Ipv4Addr>().map(drop).map_err(|_| format!("`{part}` is no address")))?;
    Ok(text.into())
}

impl Network {
    /// QEMU's words for the card, if the program uses one.
    ///
    /// # Errors
    /// A port leads to a program that uses no network, or has no card.
    pub fn words(&self, machine: &Machine, is_used: bool) -> Result<Vec<String>> {
        ensure!(is_used || self.forward.is_empty(), "--forward: the program uses no network, so nobody would answer");
        ensure!(!self.no_card || self.forward.is_empty(), "--forward and --no-card: nobody would answer");
        if self.no_card || !is_used {
            return Ok(Vec::new());
        }
        let mut network = "user,id=network".to_owned();
        for Forward { is_udp, here, there } in &self.forward {
            let protocol = if *is_udp { "udp" } else { "tcp" };
            network += &format!(",hostfwd={protocol}:127.0.0.1:{here}-:{there}");
        }
        let mut words = vec!["-netdev", &network, "-device"];
        match machine.board {
            Board::Virt => words.extend(["virtio-net-device,netdev=network", "-global", "virtio-mmio.force-legacy=false"]),
            // QEMU puts a hub between it and the root port, as the board has one.
            Board::Raspi3b => words.push("usb-net,netdev=network,id=card"),
        }
        Ok(words.into_iter().map(String::from).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words_of(board: Board, forward: &[&str], is_used: bool) -> Result<String> {
        let forward = forward.iter().map(|text| text.parse().expect("it is one")).collect();
        Network { forward, ..Network::default() }.words(&Machine::new(board, 4), is_used).map(|words| words.join(" "))
    }

    fn words(forward: &[&str], is_used: bool) -> Result<String> {
        words_of(Board::Virt, forward, is_used)
    }

    #[test]
    fn a_program_that_uses_the_network_has_a_card_and_another_none() {
        assert!(words(&[], true).expect("virt has one").contains("virtio-net-device"));
        assert_eq!(words(&[], false).expect("nothing is asked for"), "");
        assert!(words(&["7777:7"], false).is_err(), "nobody would answer");
    }

    #[test]
    fn ports_lead_to_the_guest_from_this_machine_alone() {
        let line = words(&["7777:7", "udp:5353:53"], true).expect("virt has one");
        assert!(line.contains("user,id=network,hostfwd=tcp:127.0.0.1:7777-:7,hostfwd=udp:127.0.0.1:5353-:53"), "{line}");
        for text in ["7777", "0:7", "7:x", "", "70000:7"] {
            assert!(text.parse::<Forward>().is_err(), "{text}");
        }
    }

    #[test]
    fn addresses_are_read_before_anything_is_built() {
        assert!(address("10.0.2.15/24,10.0.2.2,10.0.2.3").is_ok() && address("10.0.2.15/24").is_ok());
        for text in ["10.0.2.15", "10.0.2.15/33", "x/24", "10.0.2.15/24,y", "10.0.2.15/24,10.0.2.2,10.0.2.3,10.0.2.4"] {
            assert!(address(text).is_err(), "{text}");
        }
    }

    #[test]
    fn the_pi_has_its_card_at_its_usb() {
        let line = words_of(Board::Raspi3b, &["7777:7"], true).expect("it has one");
        assert_eq!(line, "-netdev user,id=network,hostfwd=tcp:127.0.0.1:7777-:7 -device usb-net,netdev=network,id=card");
    }

    #[test]
    fn where_no_card_is_wanted_none_is_plugged_in() {
        for board in [Board::Raspi3b, Board::Virt] {
            let network = Network { no_card: true, ..Network::default() };
            assert!(network.words(&Machine::new(board, 4), true).expect("nothing is wrong").is_empty());
            let network = Network { forward: vec![Forward::tcp(7777, 7)], ..network };
            assert!(network.words(&Machine::new(board, 4), true).is_err(), "nobody would answer");
        }
    }
}
