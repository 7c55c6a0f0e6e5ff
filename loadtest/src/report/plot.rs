//! Plots as inline SVG.
//!
//! For: lines over a linear horizontal axis and a linear or logarithmic vertical one.
//! May not know: what is plotted.

use std::fmt::Write as _;

/// Size of the drawing area and its margins, in SVG units.
const WIDTH: f64 = 760.0;
const HEIGHT: f64 = 280.0;
const LEFT: f64 = 70.0;
const BOTTOM: f64 = 40.0;
const TOP: f64 = 10.0;

/// Distinguishable also for the colour-blind (the set of Okabe and Ito).
const COLOURS: [&str; 7] = [
    "#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#555555",
];

/// A line.
#[derive(Debug, Clone)]
pub(crate) struct Line {
    pub(crate) name: String,
    pub(crate) points: Vec<(f64, f64)>,
}

/// A plot.
#[derive(Debug, Clone)]
pub(crate) struct Plot {
    pub(crate) x: &'static str,
    pub(crate) y: &'static str,
    pub(crate) log_y: bool,
    /// Where the horizontal axis is labelled, and how; empty: five even steps.
    pub(crate) x_marks: Vec<(f64, &'static str)>,
    pub(crate) lines: Vec<Line>,
}

impl Plot {
    /// The picture.
    pub(crate) fn svg(&self) -> String {
        let all = || self.lines.iter().flat_map(|line| &line.points);
        let x_max = all().map(|p| p.0).fold(1e-9, f64::max);
        let top = all()
            .map(|p| p.1)
            .fold(0.0, f64::max)
            .max(if self.log_y { 1e-2 } else { 1.0 });
        let low = all().map(|p| p.1).filter(|y| *y > 0.0).fold(top, f64::min);
        let (from, to) = if self.log_y {
            (
                low.log10().floor(),
                top.log10().ceil().max(low.log10().floor() + 1.0),
            )
        } else {
            (0.0, top * 1.05)
        };
        let at_x = |x: f64| LEFT + x / x_max * WIDTH;
        let at_y = |y: f64| TOP + HEIGHT * (1.0 - (y - from) / (to - from));
        let mut svg = format!(
            "<svg viewBox=\"0 0 {} {}\" role=\"img\">",
            LEFT + WIDTH + 10.0,
            TOP + HEIGHT + BOTTOM
        );
        for (y, label) in self.y_marks(from, to) {
            let y = at_y(y);
            let _ = write!(
                svg,
                "<path class=\"g\" d=\"M{LEFT} {y:.1}h{WIDTH}\"/><text x=\"{}\" y=\"{:.1}\" text-anchor=\"end\">{label}</text>",
                LEFT - 6.0,
                y + 4.0
            );
        }
        for (x, label) in self.x_labels(x_max) {
            let _ = write!(
                svg,
                "<text x=\"{:.1}\" y=\"{}\" text-anchor=\"middle\">{label}</text>",
                at_x(x),
                TOP + HEIGHT + 16.0
            );
        }
        let _ = write!(
            svg,
            "<text x=\"{}\" y=\"{}\" text-anchor=\"middle\">{}</text><text x=\"12\" y=\"{}\" text-anchor=\"middle\" \
             transform=\"rotate(-90 12 {})\">{}</text>",
            LEFT + WIDTH / 2.0,
            TOP + HEIGHT + 34.0,
            self.x,
            TOP + HEIGHT / 2.0,
            TOP + HEIGHT / 2.0,
            self.y
        );
        for (n, line) in self.lines.iter().enumerate() {
            let mut path = String::new();
            for (x, y) in &line.points {
                let y = if self.log_y {
                    y.max(1e-3).log10().max(from)
                } else {
                    *y
                };
                let _ = write!(
                    path,
                    "{}{:.1} {:.1}",
                    if path.is_empty() { "M" } else { "L" },
                    at_x(*x),
                    at_y(y)
                );
            }
            let _ = write!(
                svg,
                "<path class=\"l\" stroke=\"{}\" d=\"{path}\"/>",
                COLOURS[n % COLOURS.len()]
            );
        }
        svg.push_str("</svg>");
        svg + &self.legend()
    }

    fn legend(&self) -> String {
        let mut legend = "<p class=\"legend\">".to_owned();
        for (n, line) in self.lines.iter().enumerate() {
            let _ = write!(
                legend,
                "<span style=\"color:{}\">━</span> {} &nbsp; ",
                COLOURS[n % COLOURS.len()],
                line.name
            );
        }
        legend + "</p>"
    }

    fn y_marks(&self, from: f64, to: f64) -> Vec<(f64, String)> {
        if self.log_y {
            let decades = (from as i32)..=(to as i32);
            return decades
                .map(|d| (f64::from(d), format!("{}", 10f64.powi(d))))
                .collect();
        }
        let steps = (0..=4).map(|n| to * f64::from(n) / 4.0);
        steps
            .map(|y| {
                (
                    y,
                    if to < 10.0 {
                        format!("{y:.1}")
                    } else {
                        format!("{y:.0}")
                    },
                )
            })
            .collect()
    }

    fn x_labels(&self, x_max: f64) -> Vec<(f64, String)> {
        if self.x_marks.is_empty() {
            return (0..=5)
                .map(|n| x_max * f64::from(n) / 5.0)
                .map(|x| (x, format!("{x:.0}")))
                .collect();
        }
        let within = self.x_marks.iter().filter(|(x, _)| *x <= x_max);
        within.map(|(x, label)| (*x, (*label).to_owned())).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_point_lies_inside_the_picture() {
        for log_y in [false, true] {
            let lines = vec![Line {
                name: "a".into(),
                points: vec![(0.0, 0.0), (1.0, 250.0), (2.0, 0.5)],
            }];
            let svg = Plot {
                x: "x",
                y: "y",
                log_y,
                x_marks: vec![],
                lines,
            }
            .svg();
            assert!(!svg.contains("NaN") && !svg.contains("inf"), "{svg}");
            let path = svg
                .split("class=\"l\"")
                .nth(1)
                .unwrap()
                .split("d=\"")
                .nth(1)
                .unwrap()
                .split('"')
                .next()
                .unwrap();
            for point in path.split(['M', 'L']).filter(|p| !p.is_empty()) {
                let y: f64 = point.split(' ').nth(1).unwrap().parse().unwrap();
                assert!((TOP..=TOP + HEIGHT).contains(&y), "{y}");
            }
        }
    }
}
