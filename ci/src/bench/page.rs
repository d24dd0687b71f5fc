//! A report as one page of HTML, complete in itself: tables, bars against Linux and against floors, curves over threads.

mod histogram;
mod served;

use std::collections::BTreeMap;
use std::fmt::{self, Write as _};

use anyhow::{Result, anyhow};
use plotters::coord::ranged1d::SegmentValue;
use plotters::prelude::{
    BLACK, ChartBuilder, Color as _, IntoDrawingArea as _, IntoLogRange as _, IntoSegmentedCoord as _, LineSeries, PathElement, RGBColor,
    Rectangle, SVGBackend, SeriesLabelPosition, WHITE,
};

use super::Report;
use super::against::Pair;
use crate::figures::Row;

/// What is ours.
const OURS: RGBColor = RGBColor(31, 119, 180);
/// What is beyond a mark.
const BEYOND: RGBColor = RGBColor(214, 39, 40);
/// The curves' colours, in turn.
const CURVES: [RGBColor; 4] = [OURS, RGBColor(255, 127, 14), RGBColor(44, 160, 44), RGBColor(148, 103, 189)];
/// A picture's width in pixels, and a bar's share of its height.
const WIDTH: u32 = 960;
const BAR: u32 = 22;
/// Above this many times its floor a row is to say why.
const FAR_ABOVE: f64 = 1.5;

const STYLE: &str = "body{font:15px/1.5 sans-serif;max-width:62em;margin:2em auto;padding:0 1em;color:#222}\
    table{border-collapse:collapse;margin:1em 0}th,td{padding:.15em .7em;border-bottom:1px solid #ddd;text-align:right}\
    th:first-child,td:first-child{text-align:left}td.beyond{color:#d62728;font-weight:bold}svg{max-width:100%;height:auto}\
    p.about{color:#666}";

/// The page.
///
/// # Errors
/// A picture cannot be drawn.
pub fn page(report: &Report<'_>) -> Result<String> {
    let mut page =
        format!("<!DOCTYPE html>\n<html lang=\"en\"><meta charset=\"utf-8\"><title>Skete's figures</title><style>{STYLE}</style>\n");
    write!(
        page,
        "<h1>Skete's figures</h1>\n<p class=\"about\">Commit {}; {}.</p>\n",
        text(&report.commit),
        text(&report.versions.to_string())
    )?;
    if let Some(against) = report.against {
        write!(
            page,
            "<h2>Against Linux</h2>\n<p>How many times less than the faster of Linux's two C libraries; {}.</p>\n",
            text(&against.linux)
        )?;
        let titles: Vec<String> = against.rows.iter().map(Pair::title).collect();
        let bars: Vec<Bar<'_>> = against
            .rows
            .iter()
            .zip(&titles)
            .map(|(pair, title)| Bar { name: title, value: pair.times(), is_beyond: pair.times() < 1.0 })
            .collect();
        page += &bars_of(&bars, 1.0)?;
        page += &pairs(&against.rows);
    }
    if let Some(network) = report.network {
        page += &served::section(network)?;
    }
    let floors: Vec<Bar<'_>> = report.rows.iter().filter_map(above_floor).collect();
    if !floors.is_empty() {
        page += "<h2>Against the floor</h2>\n<p>How many times the instructions that the operation cannot do without.</p>\n";
        page += &bars_of(&floors, FAR_ABOVE)?;
    }
    let curves = curves(report.rows);
    if !curves.is_empty() {
        page += "<h2>Together</h2>\n<p>How many times as much threads on cores of their own do as one of them alone, by the host's clock.</p>\n";
        page += &drawn_curves(&curves)?;
    }
    if !report.histograms.is_empty() {
        page +=
            "<h2>How late</h2>\n<p>How many wake-ups were how many microseconds late, of a thousand; both scales are logarithmic.</p>\n";
        for histogram in report.histograms {
            page += &histogram::drawn(histogram)?;
        }
    }
    if !report.conditions.is_empty() {
        page += "<h2>The board</h2>\n<ul>\n";
        for condition in report.conditions {
            writeln!(page, "<li>{}", text(&condition.to_string()))?;
        }
        page += "</ul>\n";
    }
    if !report.rows.is_empty() {
        page += "<h2>All rows</h2>\n";
        page += &table(report.rows);
    }
    page += "</html>\n";
    Ok(page)
}

/// One bar.
struct Bar<'a> {
    name: &'a str,
    value: f64,
    is_beyond: bool,
}

fn above_floor(row: &Row) -> Option<Bar<'_>> {
    let value = row.value / row.floor?;
    Some(Bar { name: &row.name, value, is_beyond: value > FAR_ABOVE })
}

/// What plotters says, kept as words: its error borrows the picture.
fn told(error: &dyn fmt::Display) -> anyhow::Error {
    anyhow!("a picture cannot be drawn: {error}")
}

/// A picture of lying bars, the first at the top, with a line at `mark`.
fn bars_of(bars: &[Bar<'_>], mark: f64) -> Result<String> {
    let Some(last) = bars.len().checked_sub(1) else { return Ok(String::new()) };
    let values = || bars.iter().map(|bar| bar.value).filter(|value| *value > 0.0);
    let (least, most) = (values().fold(mark, f64::min) * 0.9, values().fold(mark, f64::max) * 1.2);
    let mut picture = String::new();
    {
        let height = BAR * u32::try_from(bars.len())? + 60;
        let root = SVGBackend::with_string(&mut picture, (WIDTH, height)).into_drawing_area();
        root.fill(&WHITE).map_err(|error| told(&error))?;
        let mut chart = ChartBuilder::on(&root)
            .margin(10)
            .margin_right(30)
            .x_label_area_size(30)
            .y_label_area_size(230)
            .build_cartesian_2d((least..most).log_scale(), (0..last).into_segmented())
            .map_err(|error| told(&error))?;
        let place = |number: usize| last - number;
        let name = |at: &SegmentValue<usize>| match at {
            SegmentValue::CenterOf(at) => last.checked_sub(*at).map_or_else(String::new, |number| bars[number].name.to_owned()),
            _ => String::new(),
        };
        let mut mesh = chart.configure_mesh();
        mesh.disable_y_mesh().y_labels(bars.len()).y_label_formatter(&name).x_label_formatter(&|value| format!("{value:.1}"));
        mesh.draw().map_err(|error| told(&error))?;
        let shapes = bars.iter().enumerate().map(|(number, bar)| {
            let (low, high) = (SegmentValue::Exact(place(number)), SegmentValue::Exact(place(number) + 1));
            let colour = if bar.is_beyond { BEYOND } else { OURS };
            let mut shape = Rectangle::new([(least, low), (bar.value.max(least), high)], colour.filled());
            shape.set_margin(3, 3, 0, 0);
            shape
        });
        chart.draw_series(shapes).map_err(|error| told(&error))?;
        let line = [(mark, SegmentValue::Exact(0)), (mark, SegmentValue::Exact(bars.len()))];
        chart.draw_series([PathElement::new(line, BLACK)]).map_err(|error| told(&error))?;
        root.present().map_err(|error| told(&error))?;
    }
    Ok(picture)
}

/// What rows `scale.NAME.THREADS` tell, by name.
fn curves(rows: &[Row]) -> BTreeMap<&str, Vec<(u32, f64)>> {
    let mut curves: BTreeMap<&str, Vec<(u32, f64)>> = BTreeMap::new();
    for row in rows {
        let Some((name, threads)) = row.name.strip_prefix("scale.").and_then(|name| name.rsplit_once('.')) else { continue };
        let Ok(threads) = threads.parse() else { continue };
        // One thread does as much as one.
        curves.entry(name).or_insert_with(|| vec![(1, 1.0)]).push((threads, row.value));
    }
    curves
}

fn drawn_curves(curves: &BTreeMap<&str, Vec<(u32, f64)>>) -> Result<String> {
    let most = curves.values().flatten().map(|point| point.1).fold(4.0, f64::max);
    let mut picture = String::new();
    {
        let root = SVGBackend::with_string(&mut picture, (WIDTH, 360)).into_drawing_area();
        root.fill(&WHITE).map_err(|error| told(&error))?;
        let mut chart = ChartBuilder::on(&root)
            .margin(10)
            .x_label_area_size(40)
            .y_label_area_size(50)
            .build_cartesian_2d(1_u32..4, 0.0..most)
            .map_err(|error| told(&error))?;
        chart.configure_mesh().x_labels(4).x_desc("threads").y_desc("times as much").draw().map_err(|error| told(&error))?;
        for ((name, points), colour) in curves.iter().zip(CURVES.into_iter().cycle()) {
            let series =
                chart.draw_series(LineSeries::new(points.iter().copied(), colour.stroke_width(2))).map_err(|error| told(&error))?;
            series.label(*name).legend(move |(x, y)| PathElement::new([(x, y), (x + 20, y)], colour.stroke_width(2)));
        }
        let mut labels = chart.configure_series_labels();
        labels.position(SeriesLabelPosition::UpperLeft).background_style(WHITE).border_style(BLACK);
        labels.draw().map_err(|error| told(&error))?;
        root.present().map_err(|error| told(&error))?;
    }
    Ok(picture)
}

fn pairs(pairs: &[Pair]) -> String {
    let mut table =
        String::from("<table><tr><th>row<th>unit<th>Linux, glibc<th>Linux, musl<th>Skete<th>times less<th>floor<th>times it</tr>\n");
    for pair in pairs {
        let Pair { unit, musl, skete, .. } = pair;
        let times = pair.times();
        let number = |value: Option<f64>| value.map_or_else(String::new, |value| format!("{value:.1}"));
        let [glibc, floor, above] = [pair.glibc, pair.floor, pair.above_floor()].map(number);
        let _ = writeln!(
            table,
            "<tr><td>{}<td>{}<td>{glibc}<td>{musl:.1}<td>{skete:.1}<td{}>{times:.1}<td>{floor}<td{}>{above}</tr>",
            text(&pair.title()),
            text(unit),
            class(times < 1.0),
            class(pair.above_floor().is_some_and(|above| above > FAR_ABOVE))
        );
    }
    table + "</table>\n"
}

fn table(rows: &[Row]) -> String {
    let mut table = String::from(
        "<table><tr><th>row<th>value<th>unit<th>may be<th>floor<th>switches<th>kernel entries<th>cycles<th>board<th>mode</tr>\n",
    );
    let number = |value: Option<f64>| value.map_or_else(String::new, |value| format!("{value:.1}"));
    for row in rows {
        let bound = row.bound.map_or_else(String::new, |bound| bound.to_string());
        let [floor, switches, entries, cycles] = [row.floor, row.switches, row.entries, row.cycles].map(number);
        let _ = writeln!(
            table,
            "<tr><td>{}<td{}>{:.1}<td>{}<td>{bound}<td>{floor}<td>{switches}<td>{entries}<td>{cycles}<td>{}<td>{}</tr>",
            text(&row.name),
            class(!row.is_within()),
            row.value,
            text(&row.unit),
            text(&row.board),
            text(&row.mode)
        );
    }
    table + "</table>\n"
}

const fn class(is_beyond: bool) -> &'static str {
    if is_beyond { " class=\"beyond\"" } else { "" }
}

/// Words as a page has them.
fn text(words: &str) -> String {
    words.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::baseline::Versions;
    use crate::bench::log::{Condition, Histogram};

    fn page_of(rows: &[Row]) -> String {
        page(&Report {
            commit: "0123".into(),
            versions: Versions::default(),
            rows,
            histograms: &[],
            conditions: &[],
            against: None,
            network: None,
        })
        .expect("it can be drawn")
    }

    #[test]
    fn a_page_needs_nothing_but_itself() {
        let rows = [
            Row::new("futex.wake_nobody", "instructions", 20.0, "virt", "icount"),
            Row::new("scale.futex.calls.2", "times", 1.9, "virt", "wall"),
            Row::new("scale.futex.calls.4", "times", 2.0, "virt", "wall"),
        ];
        let page = page_of(&rows);
        assert_eq!(page.matches("<svg").count(), 2, "bars over floors, and curves");
        assert!(!page.contains("<script") && !page.contains("<link") && !page.contains("src="), "{page}");
        assert!(page.contains("futex.wake_nobody") && page.contains("futex.calls"));
    }

    #[test]
    fn a_histogram_is_a_picture_of_its_own_and_one_without_values_is_none() {
        let histogram = |buckets: &[(u64, u64)]| Histogram {
            name: "wake.idle".into(),
            unit: "ns".into(),
            board: "virt".into(),
            buckets: buckets.into(),
        };
        let picture = histogram::drawn(&histogram(&[(0, 1), (3584, 12), (4096, 961)])).expect("it can be drawn");
        assert!(picture.contains("wake.idle, virt") && picture.matches("<rect").count() >= 4, "{picture}");
        assert_eq!(histogram::drawn(&histogram(&[])).expect("nothing can be drawn"), "");
    }

    #[test]
    fn how_the_board_was_doing_is_told() {
        let condition =
            Condition { group: "std".into(), is_after: true, arm_hz: Some(600_000_000), millidegrees: Some(80_000), throttled: None };
        let report = Report {
            commit: "0".into(),
            versions: Versions::default(),
            rows: &[],
            histograms: &[],
            conditions: &[condition],
            against: None,
            network: None,
        };
        assert!(page(&report).expect("it can be drawn").contains("<li>after std: 600 MHz, 80.0 °C"));
    }

    #[test]
    fn what_is_beyond_its_bound_is_seen() {
        let row = |value| [Row::new("std.mutex.uncontended", "instructions", value, "virt", "icount")];
        assert!(page_of(&row(99.0)).contains("class=\"beyond\">99.0"));
        assert!(!page_of(&row(9.0)).contains("class=\"beyond\""));
    }

    #[test]
    fn names_are_words_and_no_markup() {
        assert!(page_of(&[Row::new("<b>", "ns", 1.0, "virt", "wall")]).contains("&lt;b&gt;"));
    }

    #[test]
    fn a_curve_begins_with_one_thread() {
        let rows = [Row::new("scale.a.b.2", "times", 1.9, "virt", "wall"), Row::new("scale.a.b.4", "times", 3.0, "virt", "wall")];
        assert_eq!(curves(&rows)["a.b"], [(1, 1.0), (2, 1.9), (4, 3.0)]);
    }
}
