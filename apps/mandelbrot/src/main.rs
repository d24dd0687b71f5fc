//! The Mandelbrot set, computed by rayon on all cores and written as a picture to `/out/mandelbrot.png`. Prints how many rows each core
//! computed:
//!
//! ```text
//! core 0: 71 rows
//! …
//! /out/mandelbrot.png: 480 × 320
//! ```
//!
//! `cargo xtask run mandelbrot --out pictures` brings the picture to the host.

use std::fs::File;
use std::io::{self, BufWriter};
use std::sync::atomic::{AtomicUsize, Ordering};

use rayon::prelude::*;

const WIDTH: usize = 480;
const HEIGHT: usize = 320;
const MOST_STEPS: u8 = 96;
const PATH: &str = "/out/mandelbrot.png";

static ROWS: [AtomicUsize; 4] = [const { AtomicUsize::new(0) }; 4];

fn main() -> io::Result<()> {
    let mut pixels = vec![0; WIDTH * HEIGHT];
    pixels
        .par_chunks_mut(WIDTH)
        .enumerate()
        .for_each(|(y, row)| {
            for (x, pixel) in row.iter_mut().enumerate() {
                *pixel = shade(x, y);
            }
            ROWS[skete::thread::core()].fetch_add(1, Ordering::Relaxed);
        });
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    for (core, rows) in ROWS.iter().enumerate().take(cores) {
        println!("core {core}: {} rows", rows.load(Ordering::Relaxed));
    }
    write(&pixels)?;
    println!("{PATH}: {WIDTH} × {HEIGHT}");
    Ok(())
}

/// How soon the point under pixel (x, y) escapes: white at once, black never.
#[allow(clippy::cast_precision_loss, reason = "pixels are few")]
fn shade(x: usize, y: usize) -> u8 {
    let (re, im) = (
        x as f64 * 3.0 / WIDTH as f64 - 2.2,
        y as f64 * 2.0 / HEIGHT as f64 - 1.0,
    );
    let (mut a, mut b) = (0.0, 0.0);
    for step in 0..MOST_STEPS {
        let (a2, b2) = (a * a, b * b);
        if a2 + b2 > 4.0 {
            return u8::MAX - step * (u8::MAX / MOST_STEPS);
        }
        (a, b) = (a2 - b2 + re, 2.0 * a * b + im);
    }
    0
}

fn write(pixels: &[u8]) -> io::Result<()> {
    let file = BufWriter::new(File::create(PATH)?);
    let (width, height) = (u32::try_from(WIDTH), u32::try_from(HEIGHT));
    let mut encoder = png::Encoder::new(
        file,
        width.map_err(io::Error::other)?,
        height.map_err(io::Error::other)?,
    );
    encoder.set_color(png::ColorType::Grayscale);
    encoder.set_depth(png::BitDepth::Eight);
    let mut writer = encoder.write_header().map_err(io::Error::other)?;
    writer.write_image_data(pixels).map_err(io::Error::other)?;
    writer.finish().map_err(io::Error::other)
}
