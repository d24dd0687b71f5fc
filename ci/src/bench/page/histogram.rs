//! A histogram as a picture: a bar for each range of values, both scales logarithmic, for most wake-ups are alike and the rest is what counts.

use anyhow::Result;
use plotters::prelude::{ChartBuilder, Color as _, IntoDrawingArea as _, IntoLogRange as _, Rectangle, SVGBackend, WHITE};

use super::{OURS, WIDTH, told};
use crate::bench::log::Histogram;

const HEIGHT: u32 = 260;
/// Nanoseconds in what the scale counts.
const MICROSECOND: f64 = 1e3;
/// A range ends where the next begins: a quarter of its power of two further.
const STEP: f64 = 1.19;

/// The picture.
///
/// # Errors
/// It cannot be drawn.
#[allow(clippy::cast_precision_loss, reason = "counts of thousands, times of minutes at most")]
pub fn drawn(histogram: &Histogram) -> Result<String> {
    let bars: Vec<(f64, f64)> = histogram.buckets.iter().map(|&(least, count)| (least.max(1) as f64 / MICROSECOND, count as f64)).collect();
    let Some((first, last)) = bars.first().zip(bars.last()) else { return Ok(String::new()) };
    let most = bars.iter().map(|bar| bar.1).fold(1.0, f64::max);
    let mut picture = String::new();
    {
        let root = SVGBackend::with_string(&mut picture, (WIDTH, HEIGHT)).into_drawing_area();
        root.fill(&WHITE).map_err(|error| told(&error))?;
        let mut chart = ChartBuilder::on(&root)
            .caption(format!("{}, {}", histogram.name, histogram.board), ("sans-serif", 16))
            .margin(10)
            .x_label_area_size(40)
            .y_label_area_size(60)
            .build_cartesian_2d((first.0..last.0 * STEP * STEP).log_scale(), (0.5..most * 1.5).log_scale())
            .map_err(|error| told(&error))?;
        let mut mesh = chart.configure_mesh();
        mesh.disable_x_mesh().x_desc("microseconds late").y_desc("wake-ups");
        mesh.x_label_formatter(&|value| format!("{value:.1}")).y_label_formatter(&|value| format!("{value:.0}"));
        mesh.draw().map_err(|error| told(&error))?;
        let shapes = bars.iter().map(|&(least, count)| Rectangle::new([(least, 0.5), (least * STEP, count)], OURS.filled()));
        chart.draw_series(shapes).map_err(|error| told(&error))?;
        root.present().map_err(|error| told(&error))?;
    }
    Ok(picture)
}
