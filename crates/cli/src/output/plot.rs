//! Lines drawn with braille dots: two dots across and four down in each character.
//!
//! The dots of a character are bits from U+2800: 1, 2, 4, 64 down the left side, 8, 16, 32, 128 down the right.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::{Ink, Screen, number};

/// Bits of the dots of a character, by column and row.
const DOTS: [[u8; 4]; 2] = [[0x01, 0x02, 0x04, 0x40], [0x08, 0x10, 0x20, 0x80]];

/// A line over time; gaps are `None`.
#[derive(Debug, Clone)]
pub(crate) struct Line<'a> {
    /// Name in the legend.
    pub(crate) name: &'a str,
    /// Color.
    pub(crate) ink: Ink,
    /// Instants and values, in order of time.
    pub(crate) points: Vec<(Timestamp, Option<f64>)>,
    /// Whether it holds its value until the next point, as a timetable does.
    pub(crate) stairs: bool,
    /// Whether only every other dot is drawn, as for the bounds of a band.
    pub(crate) sparse: bool,
}

/// Draws lines on one pair of axes, later ones on top; empty where there is nothing to draw.
pub(crate) fn draw(lines: &[Line<'_>], zone: &TimeZone, screen: &Screen) -> String {
    let all = || lines.iter().flat_map(|l| &l.points).filter_map(|(t, v)| Some((t.as_second(), (*v)?)));
    let (Some(from), Some(to)) = (all().map(|p| p.0).min(), all().map(|p| p.0).max()) else { return String::new() };
    let low = all().map(|p| p.1).fold(f64::INFINITY, f64::min);
    let high = all().map(|p| p.1).fold(f64::NEG_INFINITY, f64::max);
    // Loads start at zero: an axis that does not would make ripples look like waves.
    let low = if low >= 0.0 && low < 0.7 * high { 0.0 } else { low };
    let high = if high > low { high } else { low + 1.0 };
    let labels = [number::short(high), number::short((low + high) / 2.0), number::short(low)];
    let margin = labels.iter().map(String::len).max().unwrap_or(0) + 1;
    let columns = screen.columns.min(160).saturating_sub(margin + 1).max(20);
    let rows = (screen.rows / 2).clamp(6, 16);
    let mut canvas = Canvas::new(columns, rows);
    let across = |t: i64| (t - from) as f64 / (to - from).max(1) as f64 * (columns * 2 - 1) as f64;
    let down = |v: f64| (high - v) / (high - low) * (rows * 4 - 1) as f64;
    for line in lines {
        let mut before: Option<(f64, f64)> = None;
        for (time, value) in &line.points {
            let here = value.map(|v| (across(time.as_second()), down(v)));
            if let Some((x, y)) = here {
                let (x0, y0) = before.unwrap_or((x, y));
                if line.stairs {
                    canvas.line((x0, y0), (x, y0), line.ink, line.sparse);
                    canvas.line((x, y0), (x, y), line.ink, line.sparse);
                } else {
                    canvas.line((x0, y0), (x, y), line.ink, line.sparse);
                }
            }
            before = here;
        }
    }
    let mut out = String::new();
    for (row, text) in canvas.render(screen).into_iter().enumerate() {
        let label = match row {
            0 => &labels[0],
            r if r == rows / 2 => &labels[1],
            r if r + 1 == rows => &labels[2],
            _ => "",
        };
        out.push_str(&format!("{label:>width$}│{text}\n", width = margin - 1));
    }
    out.push_str(&format!("{}└{}\n", " ".repeat(margin - 1), "─".repeat(columns)));
    out.push_str(&times(from, to, zone, margin, columns));
    out.push_str(&" ".repeat(margin));
    let legend: Vec<String> = lines.iter().map(|l| format!("{} {}", screen.paint(l.ink, "━"), l.name)).collect();
    out.push_str(&legend.join("   "));
    out.push('\n');
    out
}

/// The first, middle and last instant under the axis.
fn times(from: i64, to: i64, zone: &TimeZone, margin: usize, columns: usize) -> String {
    let text = |at: i64| {
        let at = Timestamp::from_second(at).unwrap_or(Timestamp::UNIX_EPOCH);
        zone.to_datetime(at).strftime("%m-%d %H:%M").to_string()
    };
    let (first, middle, last) = (text(from), text(from + (to - from) / 2), text(to));
    let half = columns / 2;
    let mut line = format!("{}{first}", " ".repeat(margin));
    if columns >= 3 * first.len() + 4 {
        line = format!("{line:<width$}{middle}", width = margin + half - middle.len() / 2);
    }
    format!("{line:<width$}{last}\n", width = margin + columns - last.len())
}

/// Dots and the color of each character.
struct Canvas {
    columns: usize,
    cells: Vec<(u8, Option<Ink>)>,
}

impl Canvas {
    fn new(columns: usize, rows: usize) -> Self {
        Self { columns, cells: vec![(0, None); columns * rows] }
    }

    /// Sets the dots between two points, both included.
    fn line(&mut self, a: (f64, f64), b: (f64, f64), ink: Ink, sparse: bool) {
        let length = (b.0 - a.0).abs().max((b.1 - a.1).abs()).ceil().max(1.0) as usize;
        for i in 0..=length {
            let share = i as f64 / length as f64;
            let (x, y) = ((a.0 + (b.0 - a.0) * share).round(), (a.1 + (b.1 - a.1) * share).round());
            if !sparse || (x as usize).is_multiple_of(2) {
                self.dot(x.max(0.0) as usize, y.max(0.0) as usize, ink);
            }
        }
    }

    fn dot(&mut self, x: usize, y: usize, ink: Ink) {
        if x / 2 < self.columns
            && let Some(cell) = self.cells.get_mut(y / 4 * self.columns + x / 2)
        {
            cell.0 |= DOTS[x % 2][y % 4];
            cell.1 = Some(ink);
        }
    }

    fn render(&self, screen: &Screen) -> Vec<String> {
        let row = |cells: &[(u8, Option<Ink>)]| {
            let mut out = String::new();
            for run in cells.chunk_by(|a, b| a.1 == b.1) {
                let text: String =
                    run.iter().filter_map(|(bits, _)| char::from_u32(0x2800 + u32::from(*bits))).collect();
                out.push_str(&run[0].1.map_or(text.clone(), |ink| screen.paint(ink, &text)));
            }
            out
        };
        self.cells.chunks(self.columns).map(row).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SCREEN: Screen = Screen { terminal: false, color: false, columns: 40, rows: 12 };

    fn line(points: &[(i64, Option<f64>)], stairs: bool) -> Line<'static> {
        let points = points.iter().map(|(t, v)| (Timestamp::from_second(*t).unwrap(), *v)).collect();
        Line { name: "load", ink: Ink::Seen, points, stairs, sparse: false }
    }

    #[test]
    fn a_rising_line_goes_from_corner_to_corner() {
        let text = draw(&[line(&[(0, Some(0.0)), (86_400, Some(10.0))], false)], &TimeZone::UTC, &SCREEN);
        let rows: Vec<&str> = text.lines().collect();
        assert_eq!(rows.len(), 6 + 3);
        assert!(rows[0].starts_with("10│⠀") && rows[0].ends_with('⠉'), "{text}");
        assert!(rows[5].starts_with(" 0│⣀") && rows[5].ends_with('⠀'), "{text}");
        assert!(rows[7].contains("01-01 00:00") && rows[7].ends_with("01-02 00:00"), "{text}");
        assert!(rows[8].ends_with("━ load"), "{text}");
    }

    #[test]
    fn stairs_hold_their_value_and_gaps_stay_gaps() {
        let stairs = draw(&[line(&[(0, Some(0.0)), (100, Some(8.0))], true)], &TimeZone::UTC, &SCREEN);
        assert!(stairs.lines().nth(5).unwrap().ends_with('⣸'), "{stairs}");
        let gap = draw(&[line(&[(0, Some(1.0)), (50, None), (100, Some(1.0))], false)], &TimeZone::UTC, &SCREEN);
        let dots = gap.chars().filter(|c| ('⠁'..='⣿').contains(c)).count();
        assert_eq!(dots, 2, "{gap}");
    }

    #[test]
    fn nothing_is_drawn_from_nothing() {
        assert_eq!(draw(&[line(&[(0, None)], false)], &TimeZone::UTC, &SCREEN), "");
        assert_eq!(draw(&[], &TimeZone::UTC, &SCREEN), "");
    }
}
