//! Time series as inline SVG: lines, bands and steps over a local time axis.
//!
//! The drawing area is stretched to the width of the page while labels keep their size, so that one chart serves a
//! wide screen, a phone and paper: shapes lie in a nested `svg` of 1000 by 1000 without fixed proportions, labels at
//! percentages around it. What a layer means is told by dash and width as well as by color. Colors are those of
//! Okabe and Ito (2008, "Color Universal Design"), darkened or lightened for contrast in each mode.

use jiff::tz::TimeZone;

use crate::axis::{ValueAxis, time_ticks, value_axis};
use crate::page::{Html, add};
use crate::series::{Point, reduce, reduce_band};

/// Buckets that a long line is reduced to; two points each, about one a pixel of a wide screen.
const BUCKETS: usize = 480;

/// What a layer stands for; decides color, width and dash.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// What was measured.
    Observed,
    /// What was predicted.
    Forecast,
    /// What was decided.
    Plan,
    /// What had been decided and ran.
    Ran,
}

impl Role {
    fn class(self) -> &'static str {
        match self {
            Role::Observed => "seen",
            Role::Forecast => "forecast",
            Role::Plan => "plan",
            Role::Ran => "ran",
        }
    }
}

/// What is drawn; instants in Unix seconds.
#[derive(Debug, Clone)]
pub enum Shape {
    /// A line through values; `None` breaks it.
    Line(Vec<(i64, Option<f64>)>),
    /// The area between a lower and an upper bound.
    Band(Vec<(i64, f64, f64)>),
    /// A value that holds until the next one, the last one until `until`.
    Steps {
        /// From when on, and how much.
        points: Vec<(i64, f64)>,
        /// End of the last step.
        until: i64,
    },
}

/// A shape with its meaning and its name in the legend.
#[derive(Debug, Clone)]
pub struct Layer {
    /// Name in the legend.
    pub label: String,
    /// Meaning.
    pub role: Role,
    /// Form.
    pub shape: Shape,
}

/// An instant worth a vertical line.
#[derive(Debug, Clone)]
pub struct Mark {
    /// When, in Unix seconds.
    pub at: i64,
    /// A word or two beside the line.
    pub label: String,
}

/// A stretch of time worth a shade.
#[derive(Debug, Clone)]
pub struct Span {
    /// Start, in Unix seconds.
    pub from: i64,
    /// End, in Unix seconds.
    pub to: i64,
    /// What it is, for the legend.
    pub label: String,
}

/// A value worth a horizontal line.
#[derive(Debug, Clone)]
pub struct Limit {
    /// How much.
    pub value: f64,
    /// A word or two for the legend.
    pub label: String,
}

/// Transparent areas over the chart that name what lies below them.
#[derive(Debug, Clone)]
pub struct Hint {
    /// Start, in Unix seconds.
    pub from: i64,
    /// End, in Unix seconds.
    pub to: i64,
    /// Text shown while the pointer rests there.
    pub text: String,
}

/// A chart over the time `from..to`.
#[derive(Debug, Clone)]
pub struct Chart {
    /// Unique on the page; letters, digits and hyphens.
    pub id: String,
    /// What it shows.
    pub title: String,
    /// What a person who cannot see it should know.
    pub description: String,
    /// Unit of the vertical axis; may be empty.
    pub unit: String,
    /// Zone of the time axis.
    pub zone: TimeZone,
    /// First instant, in Unix seconds.
    pub from: i64,
    /// Last instant, in Unix seconds.
    pub to: i64,
    /// Height of the drawing area in pixels.
    pub height: u32,
    /// The vertical axis counts things: whole numbers from zero.
    pub whole: bool,
    /// Shapes, the first at the back.
    pub layers: Vec<Layer>,
    /// Vertical lines.
    pub marks: Vec<Mark>,
    /// Horizontal lines.
    pub limits: Vec<Limit>,
    /// Shades.
    pub spans: Vec<Span>,
    /// Texts for the pointer.
    pub hints: Vec<Hint>,
}

impl Chart {
    /// An empty chart over `from..to`.
    pub fn new(id: &str, title: &str, zone: &TimeZone, from: i64, to: i64) -> Self {
        Self {
            id: id.to_owned(),
            title: title.to_owned(),
            description: String::new(),
            unit: String::new(),
            zone: zone.clone(),
            from,
            // A single instant still needs an axis.
            to: if to > from { to } else { from.saturating_add(60) },
            height: 280,
            whole: false,
            layers: Vec::new(),
            marks: Vec::new(),
            limits: Vec::new(),
            spans: Vec::new(),
            hints: Vec::new(),
        }
    }

    /// Adds a line; one without any value is left out.
    pub fn line(&mut self, label: &str, role: Role, points: Vec<(i64, Option<f64>)>) {
        if points.iter().any(|p| p.1.is_some()) {
            self.layers.push(Layer { label: label.to_owned(), role, shape: Shape::Line(points) });
        }
    }

    /// Adds a band; an empty one is left out.
    pub fn band(&mut self, label: &str, role: Role, points: Vec<(i64, f64, f64)>) {
        if !points.is_empty() {
            self.layers.push(Layer { label: label.to_owned(), role, shape: Shape::Band(points) });
        }
    }

    /// Adds a step line; an empty one is left out.
    pub fn steps(&mut self, label: &str, role: Role, points: Vec<(i64, f64)>, until: i64) {
        if !points.is_empty() {
            self.layers.push(Layer { label: label.to_owned(), role, shape: Shape::Steps { points, until } });
        }
    }

    /// The chart as a figure with legend, axes and texts for screen readers.
    pub fn html(&self) -> Html {
        let title = Html::text(&self.title);
        let mut out = format!("<figure><figcaption>{title}</figcaption>");
        let Some(axis) = self.value_axis() else {
            out.push_str("<p class=\"empty\">No data to draw.</p></figure>");
            return Html::markup(out);
        };
        let id = Html::text(&self.id);
        self.legend(&mut out);
        add(
            &mut out,
            format_args!(
                "<div class=\"plot{2}\" style=\"height:{0}px\"><svg role=\"img\" aria-labelledby=\"{id}-t {id}-d\" width=\"100%\" height=\"{0}\"><title id=\"{id}-t\">{title}</title><desc id=\"{id}-d\">{1}</desc>",
                self.height,
                Html::text(&self.description),
                self.classes()
            ),
        );
        self.grid(&mut out, &axis);
        out.push_str("<svg class=\"area\" viewBox=\"0 0 1000 1000\" preserveAspectRatio=\"none\" width=\"100%\" height=\"100%\">");
        for span in &self.spans {
            let (x, end) = (self.x(span.from), self.x(span.to));
            add(
                &mut out,
                format_args!("<rect class=\"span\" x=\"{x:.1}\" y=\"0\" width=\"{:.1}\" height=\"1000\"/>", end - x),
            );
        }
        for layer in &self.layers {
            self.shape(&mut out, layer, &axis);
        }
        for limit in self.limits.iter().filter(|l| l.value.is_finite()) {
            add(&mut out, format_args!("<path class=\"limit\" d=\"M0 {:.0}H1000\"/>", y(&axis, limit.value)));
        }
        for mark in &self.marks {
            add(&mut out, format_args!("<path class=\"mark\" d=\"M{:.1} 0V1000\"/>", self.x(mark.at)));
        }
        for hint in &self.hints {
            let (x, end) = (self.x(hint.from), self.x(hint.to));
            add(
                &mut out,
                format_args!(
                    "<rect class=\"hint\" x=\"{x:.1}\" y=\"0\" width=\"{:.1}\" height=\"1000\"><title>{}</title></rect>",
                    end - x,
                    Html::text(&hint.text)
                ),
            );
        }
        out.push_str("</svg>");
        self.labels(&mut out, &axis);
        out.push_str("</svg></div></figure>");
        Html::markup(out)
    }

    /// Bounds of all that is drawn; `None` if nothing is.
    fn value_axis(&self) -> Option<ValueAxis> {
        let mut values: Vec<f64> = self.limits.iter().map(|l| l.value).collect();
        for layer in &self.layers {
            match &layer.shape {
                Shape::Line(points) => values.extend(points.iter().filter_map(|p| p.1)),
                Shape::Band(points) => values.extend(points.iter().flat_map(|p| [p.1, p.2])),
                Shape::Steps { points, .. } => values.extend(points.iter().map(|p| p.1)),
            }
        }
        values.retain(|v| v.is_finite());
        let (low, high) = (values.iter().copied().reduce(f64::min)?, values.iter().copied().reduce(f64::max)?);
        // Heights compare honestly from zero; only a band of values far from it is shown by itself.
        let low = if self.whole || (low >= 0.0 && low <= 0.6 * high) { low.min(0.0) } else { low };
        Some(value_axis(low, high, if self.small() { 2 } else { 5 }, self.whole))
    }

    /// Horizontal place of an instant, 0 to 1000.
    fn x(&self, at: i64) -> f64 {
        let span = self.to.saturating_sub(self.from).max(1) as f64;
        (at.saturating_sub(self.from) as f64 / span * 1_000.0).clamp(0.0, 1_000.0)
    }

    /// Marks need room above the drawing; lines in a small one are thinner.
    fn classes(&self) -> &'static str {
        match (self.marks.is_empty(), self.small()) {
            (true, true) => " small",
            (true, false) => "",
            (false, true) => " marked small",
            (false, false) => " marked",
        }
    }

    fn small(&self) -> bool {
        self.height < 160
    }

    fn inside(&self, at: i64) -> bool {
        (self.from..=self.to).contains(&at)
    }

    fn legend(&self, out: &mut String) {
        out.push_str("<ul class=\"legend\">");
        if !self.unit.is_empty() {
            add(out, format_args!("<li class=\"unit\">{}</li>", Html::text(&self.unit)));
        }
        let mut bands = 0;
        for layer in &self.layers {
            let class = layer.role.class();
            let swatch = match layer.shape {
                Shape::Band(_) => {
                    bands += 1;
                    format!("<rect class=\"band {class} b{bands}\" x=\"0\" y=\"2\" width=\"26\" height=\"10\"/>")
                }
                Shape::Line(_) => format!("<path class=\"line {class}\" d=\"M1 7H25\"/>"),
                Shape::Steps { .. } => format!("<path class=\"line {class}\" d=\"M1 11H9V3H17V8H25\"/>"),
            };
            key(out, &swatch, &layer.label);
        }
        let limits: Vec<&str> = self.limits.iter().map(|l| l.label.as_str()).collect();
        if !limits.is_empty() {
            key(out, "<path class=\"limit\" d=\"M1 7H25\"/>", &limits.join(", "));
        }
        for span in &self.spans {
            key(out, "<rect class=\"span\" x=\"0\" y=\"2\" width=\"26\" height=\"10\"/>", &span.label);
        }
        out.push_str("</ul>");
    }

    fn grid(&self, out: &mut String, axis: &ValueAxis) {
        out.push_str("<g class=\"grid\">");
        for (value, _) in &axis.ticks {
            let at = y(axis, *value) / 10.0;
            add(out, format_args!("<line x1=\"0\" x2=\"100%\" y1=\"{at:.2}%\" y2=\"{at:.2}%\"/>"));
        }
        out.push_str("</g>");
    }

    fn labels(&self, out: &mut String, axis: &ValueAxis) {
        out.push_str("<g class=\"axis\" aria-hidden=\"true\">");
        for (value, label) in &axis.ticks {
            let at = y(axis, *value) / 10.0;
            add(out, format_args!("<text class=\"y\" x=\"-8\" y=\"{at:.2}%\" dy=\"4\">{}</text>", Html::text(label)));
        }
        let ticks = time_ticks(self.from, self.to, &self.zone, 11);
        // A phone has room for about four labels; the others vanish there and their ticks stay.
        let keep = ticks.len().div_ceil(4).max(1);
        for (i, (at, label)) in ticks.iter().enumerate() {
            let x = self.x(*at) / 10.0;
            let anchor = end_anchor(x, 3.0);
            let wide = if i % keep == 0 { "" } else { " wide" };
            add(
                out,
                format_args!(
                    "<line x1=\"{x:.2}%\" x2=\"{x:.2}%\" y1=\"100%\" y2=\"{}\"/><text class=\"x{anchor}{wide}\" x=\"{x:.2}%\" y=\"{}\">{}</text>",
                    self.height + 5,
                    self.height + 19,
                    Html::text(label)
                ),
            );
        }
        for mark in &self.marks {
            let x = self.x(mark.at) / 10.0;
            let anchor = end_anchor(x, 10.0);
            add(
                out,
                format_args!("<text class=\"on{anchor}\" x=\"{x:.2}%\" y=\"-8\">{}</text>", Html::text(&mark.label)),
            );
        }
        out.push_str("</g>");
    }

    fn shape(&self, out: &mut String, layer: &Layer, axis: &ValueAxis) {
        let class = layer.role.class();
        match &layer.shape {
            Shape::Line(points) => {
                let shown: Vec<Point> = points.iter().copied().filter(|p| self.inside(p.0)).collect();
                let path = self.line_path(&reduce(&shown, BUCKETS), axis);
                add(out, format_args!("<path class=\"line {class}\" d=\"{path}\"/>"));
            }
            Shape::Band(points) => {
                let shown: Vec<_> = points.iter().copied().filter(|p| self.inside(p.0)).collect();
                let number = self.layers.iter().take_while(|l| !std::ptr::eq(*l, layer));
                let number = number.filter(|l| matches!(l.shape, Shape::Band(_))).count() + 1;
                let mut path = String::from("M");
                let reduced = reduce_band(&shown, BUCKETS);
                for (at, _, high) in &reduced {
                    add(&mut path, format_args!("{:.1} {:.0} ", self.x(*at), y(axis, *high)));
                }
                for (at, low, _) in reduced.iter().rev() {
                    add(&mut path, format_args!("{:.1} {:.0} ", self.x(*at), y(axis, *low)));
                }
                if !reduced.is_empty() {
                    add(out, format_args!("<path class=\"band {class} b{number}\" d=\"{}Z\"/>", path.trim_end()));
                }
            }
            Shape::Steps { points, until } => {
                let mut path = String::new();
                for (i, (at, value)) in points.iter().enumerate() {
                    let end = points.get(i + 1).map_or(*until, |next| next.0);
                    if end < self.from || *at > self.to || !value.is_finite() {
                        continue;
                    }
                    let command = if path.is_empty() { format!("M{:.1} ", self.x(*at)) } else { "V".to_owned() };
                    add(&mut path, format_args!("{command}{:.0}H{:.1}", y(axis, *value), self.x(end)));
                }
                if let (Some(first), false) = (points.first(), path.is_empty()) {
                    let (left, floor) = (self.x(first.0), y(axis, axis.low.max(0.0)));
                    add(out, format_args!("<path class=\"fill {class}\" d=\"{path}V{floor:.0}H{left:.1}Z\"/>"));
                }
                add(out, format_args!("<path class=\"line {class}\" d=\"{path}\"/>"));
            }
        }
    }

    fn line_path(&self, points: &[Point], axis: &ValueAxis) -> String {
        let mut path = String::new();
        let mut open = false;
        for (i, (at, value)) in points.iter().enumerate() {
            let Some(value) = value.filter(|v| v.is_finite()) else {
                open = false;
                continue;
            };
            add(&mut path, format_args!("{}{:.1} {:.0}", if open { " " } else { "M" }, self.x(*at), y(axis, value)));
            // A value alone between gaps is a dot: a line of no length with round ends.
            if !open && points.get(i + 1).is_none_or(|next| next.1.is_none()) {
                path.push_str("h0");
            }
            open = true;
        }
        path
    }
}

/// Class of a label that would leave the drawing if it were centered at `x` percent.
fn end_anchor(x: f64, margin: f64) -> &'static str {
    match x {
        x if x < margin => " start",
        x if x > 100.0 - margin => " end",
        _ => "",
    }
}

/// One entry of a legend.
fn key(out: &mut String, swatch: &str, label: &str) {
    add(
        out,
        format_args!(
            "<li><svg class=\"key\" width=\"26\" height=\"14\" aria-hidden=\"true\">{swatch}</svg>{}</li>",
            Html::text(label)
        ),
    );
}

/// Vertical place of a value, 0 at the top to 1000 at the bottom.
fn y(axis: &ValueAxis, value: f64) -> f64 {
    ((axis.high - value) / (axis.high - axis.low) * 1_000.0).clamp(0.0, 1_000.0)
}

#[cfg(test)]
mod tests;
