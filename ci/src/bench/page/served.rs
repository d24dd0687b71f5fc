//! What the network's rows are against Linux: bars and a table.

use std::fmt::Write as _;

use anyhow::Result;

use super::{Bar, bars_of, class, text};
use crate::bench::net::{Comparison, Pair};

/// The part of the page.
///
/// # Errors
/// The picture cannot be drawn.
pub fn section(network: &Comparison) -> Result<String> {
    let mut section = format!(
        "<h2>The network, against Linux</h2>\n<p>How many times better, on {} by the host's clock, medians of {} boots; {}.</p>\n",
        text(&network.board),
        network.rows.first().map_or(0, |pair| pair.rounds.len()),
        text(&network.linux)
    );
    let bar = |pair: &Pair| Bar { name: pair.name, value: pair.ratio, is_beyond: pair.ratio < 1.0 };
    // A row that was broken on one side has no ratio that could be drawn.
    let drawn = network.rows.iter().filter(|pair| pair.ratio.is_finite());
    section += &bars_of(&drawn.map(bar).collect::<Vec<_>>(), 1.0)?;
    section += "<table><tr><th>row<th>unit<th>Linux<th>Skete<th>times better</tr>\n";
    for Pair { name, unit, linux, skete, ratio, .. } in &network.rows {
        let class = class(*ratio < 1.0);
        writeln!(section, "<tr><td>{name}<td>{unit}<td>{linux:.1}<td>{skete:.1}<td{class}>{ratio:.1}</tr>")?;
    }
    Ok(section + "</table>\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_worse_than_on_linux_is_seen() {
        let pair = |name, ratio| Pair { name, unit: "us", linux: 100.0, skete: 100.0 / ratio, ratio, rounds: vec![[100.0, 50.0]; 5] };
        let rows = vec![pair("net.udp.echo.p50", 2.0), pair("net.tcp.out", 0.5), pair("net.tcp.into", f64::INFINITY)];
        let network = Comparison {
            board: "virt".into(),
            linux: "linux-image-6 6.1".into(),
            rows,
            load: [1.0, 2.0],
            host_cores: 2,
            faults: Vec::new(),
        };
        let section = section(&network).expect("it can be drawn");
        assert!(section.contains("class=\"beyond\">0.5") && section.contains("<td>2.0"), "{section}");
        assert!(section.contains("<svg") && section.contains("medians of 5 boots"), "{section}");
    }
}
