//! The guest's network: QEMU's user network, in which this machine is 10.0.2.2, and which of this machine's ports lead to the guest.

use std::fmt;
use std::net::{Ipv4Addr, TcpListener, UdpSocket};
use std::str::FromStr;

use anyhow::{Context as _, Result, ensure};
use clap::{Args, ValueEnum};
use serde::Deserialize;

use crate::board::{Board, Machine};
use crate::lan9514::Lan9514;
use crate::link::Ends;

/// A network card.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Card {
    /// QEMU's own, of virt.
    Virtio,
    /// One of the class CDC-ECM at the USB of raspi3b.
    Ecm,
    /// The Ethernet that a Raspberry Pi 3 B has on board, at the USB of raspi3b: a model of ours.
    Lan9514,
    /// None.
    None,
}

impl fmt::Display for Card {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::Virtio => "virtio",
            Self::Ecm => "ecm",
            Self::Lan9514 => "lan9514",
            Self::None => "none",
        })
    }
}

/// What the guest's network is to be.
#[derive(Clone, Debug, Default, Args)]
pub struct Network {
    /// Lead a port of this machine's to one of the guest's; `udp:` in front for UDP. May be repeated.
    #[arg(long, value_name = "[udp:]HERE:THERE")]
    pub forward: Vec<Forward>,
    /// Fix the guest's address instead of asking DHCP, such as 10.0.2.15/24,10.0.2.2,10.0.2.3.
    #[arg(long, value_name = "ADDRESS/BITS[,GATEWAY[,NAMES]]", value_parser = address)]
    pub ip: Option<String>,
    /// Which network card is plugged in; if nothing is said, virtio for virt, ecm for raspi3b.
    #[arg(long, value_enum, value_name = "CARD", conflicts_with = "no_card")]
    pub card: Option<Card>,
    /// Plug no network card in: --card none.
    #[arg(long)]
    pub no_card: bool,
    /// Let things go wrong at a lan9514 as this seed says: answers come late, endpoints refuse, frames are damaged, cables change.
    #[arg(long, value_name = "SEED")]
    pub card_faults: Option<u64>,
    /// Whether a lan9514's guest is asked for echoes.
    #[arg(skip)]
    pub pings: bool,
    /// A link between the card and the user network, on which frames are lost.
    #[arg(skip)]
    pub link: Option<Ends>,
}

/// What is plugged into a machine.
#[derive(Debug, Default)]
pub struct Plugged {
    /// QEMU's words for it.
    pub words: Vec<String>,
    /// Our own model of it.
    pub lan9514: Option<Lan9514>,
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

    /// A port of UDP's.
    pub const fn udp(here: u16, there: u16) -> Self {
        Self { is_udp: true, here, there }
    }
}

/// Ports of this machine's that nobody has, neither TCP's nor UDP's, each another.
///
/// # Errors
/// There are not so many.
pub fn free_ports<const COUNT: usize>() -> Result<[u16; COUNT]> {
    // Held until all are there: what is let go may be given again.
    let mut held = Vec::new();
    for _ in 0..COUNT {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("no port is free")?;
        let address = listener.local_addr().context("no port is free")?;
        held.push((address.port(), listener, UdpSocket::bind(address).with_context(|| format!("{address} is free of TCP's alone"))?));
    }
    Ok(std::array::from_fn(|number| held[number].0))
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
    /// Which card there is.
    fn kind(&self, machine: &Machine) -> Card {
        let usual = match machine.board {
            Board::Virt => Card::Virtio,
            Board::Raspi3b => Card::Ecm,
        };
        if self.no_card { Card::None } else { self.card.unwrap_or(usual) }
    }

    /// Refuses what cannot be, before anything is built.
    ///
    /// # Errors
    /// The machine has no such card, nothing can go wrong at it, or a port leads to a program that has none.
    pub fn check(&self, machine: &Machine) -> Result<()> {
        let kind = self.kind(machine);
        let is_there = match kind {
            Card::Virtio => machine.board == Board::Virt,
            Card::Ecm | Card::Lan9514 => machine.board == Board::Raspi3b,
            Card::None => true,
        };
        ensure!(is_there, "--card: {} has no such card; virt has virtio, raspi3b has ecm and lan9514", machine.board);
        ensure!(self.card_faults.is_none() || kind == Card::Lan9514, "--card-faults is for --card lan9514, which is a model of ours");
        ensure!(
            kind != Card::Lan9514 || !machine.icount,
            "--icount: a lan9514 is a model that lives in its own time, so no run is the same"
        );
        ensure!(self.link.is_none() || !machine.icount, "--icount: a link that loses frames lives in its own time, so no run is the same");
        ensure!(kind != Card::None || self.forward.is_empty(), "--forward without a card: nobody would answer");
        Ok(())
    }

    /// Plugs the card in, if the program uses one.
    ///
    /// # Errors
    /// As [`Self::check`]; a port leads to a program that uses no network, or this machine has no port for the card's model.
    pub fn plug(&self, machine: &Machine, is_used: bool) -> Result<Plugged> {
        ensure!(is_used || self.forward.is_empty(), "--forward: the program uses no network, so nobody would answer");
        self.check(machine)?;
        let kind = self.kind(machine);
        if kind == Card::None || !is_used {
            return Ok(Plugged::default());
        }
        let mut network = "user,id=network".to_owned();
        for Forward { is_udp, here, there } in &self.forward {
            let protocol = if *is_udp { "udp" } else { "tcp" };
            network += &format!(",hostfwd={protocol}:127.0.0.1:{here}-:{there}");
        }
        let mut words = vec!["-netdev".into(), network];
        words.extend(self.link.iter().flat_map(|link| link.words("network")));
        let network = if self.link.is_some() { Ends::CARD } else { "network" };
        let mut lan9514 = None;
        let device = match kind {
            Card::Virtio => vec!["-device".into(), format!("virtio-net-device,netdev={network}")],
            // QEMU puts a hub between it and the root port, as the board has one.
            Card::Ecm => vec!["-device".into(), format!("usb-net,netdev={network},id=card")],
            Card::Lan9514 => {
                let model = Lan9514::start(self.card_faults, self.pings).context("the lan9514's model cannot begin")?;
                let device = model.words(network);
                lan9514 = Some(model);
                device
            }
            Card::None => Vec::new(),
        };
        words.extend(device);
        if kind == Card::Virtio {
            words.extend(["-global", "virtio-mmio.force-legacy=false"].map(String::from));
        }
        Ok(Plugged { words, lan9514 })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::link::{Faults, Link};

    fn words_of(board: Board, forward: &[&str], is_used: bool) -> Result<String> {
        let forward = forward.iter().map(|text| text.parse().expect("it is one")).collect();
        Network { forward, ..Network::default() }.plug(&Machine::new(board, 4), is_used).map(|plugged| plugged.words.join(" "))
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
    fn ports_that_nobody_has_are_each_another() {
        let mut ports = free_ports::<16>().expect("there are many").to_vec();
        ports.sort_unstable();
        ports.dedup();
        assert_eq!(ports.len(), 16);
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
            assert!(network.plug(&Machine::new(board, 4), true).expect("nothing is wrong").words.is_empty());
            let network = Network { forward: vec![Forward::tcp(7777, 7)], ..network };
            assert!(network.plug(&Machine::new(board, 4), true).is_err(), "nobody would answer");
        }
    }

    #[test]
    fn a_card_is_refused_where_it_is_not() {
        let network = |card, card_faults| Network { card: Some(card), card_faults, ..Network::default() };
        let (pi, virt) = (Machine::new(Board::Raspi3b, 4), Machine::new(Board::Virt, 4));
        for (card, machine) in [(Card::Virtio, &pi), (Card::Ecm, &virt), (Card::Lan9514, &virt)] {
            assert!(network(card, None).check(machine).is_err(), "{card:?}");
        }
        for (card, machine) in [(Card::Virtio, &virt), (Card::Ecm, &pi), (Card::Lan9514, &pi), (Card::None, &pi)] {
            assert!(network(card, None).check(machine).is_ok(), "{card:?}");
        }
        assert!(network(Card::Ecm, Some(1)).check(&pi).is_err() && network(Card::Lan9514, Some(1)).check(&pi).is_ok());
        assert!(network(Card::Lan9514, None).check(&Machine { icount: true, ..pi }).is_err());
    }

    #[test]
    fn a_link_stands_between_any_card_and_the_user_network() {
        let link = Link::start(Faults::default(), 1).expect("there are ports");
        let line = |board, card| {
            let network = Network { card: Some(card), link: Some(link.ends()), ..Network::default() };
            network.plug(&Machine::new(board, 4), true).expect("there are ports").words.join(" ")
        };
        let between = "user,id=network -netdev socket,id=inside,connect=127.0.0.1:";
        for (board, card, device) in [
            (Board::Virt, Card::Virtio, "virtio-net-device,netdev=inside -global"),
            (Board::Raspi3b, Card::Ecm, "usb-net,netdev=inside,"),
            (Board::Raspi3b, Card::Lan9514, "hubport,id=port0,hubid=0,netdev=inside"),
        ] {
            let line = line(board, card);
            assert!(line.contains(between) && line.contains("hubid=1,netdev=network") && line.contains(device), "{line}");
        }
        let counted = Machine { icount: true, ..Machine::new(Board::Virt, 1) };
        assert!(Network { link: Some(link.ends()), ..Network::default() }.check(&counted).is_err());
    }

    #[test]
    fn a_lan9514_is_at_the_root_port_and_its_cable_in_the_user_network() {
        let network = Network { card: Some(Card::Lan9514), ..Network::default() };
        let plugged = network.plug(&Machine::new(Board::Raspi3b, 4), true).expect("there are ports");
        let line = plugged.words.join(" ");
        assert!(line.contains("hubid=0,netdev=network") && line.contains("usb-redir,chardev=lan9514,port=1"), "{line}");
        let report = plugged.lan9514.expect("it is a model").finish();
        assert!(report.objections.is_empty() && report.pings.is_none(), "nobody came");
    }
}
