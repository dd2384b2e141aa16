//! A replay report as a page.

use hookbench_model::ReplayReport;
use minijinja::{AutoEscape, Environment, context};

/// A report as a page: everything in it is text, and nothing runs.
pub fn html(report: &ReplayReport) -> Result<String, String> {
    let mut environment = Environment::new();
    environment.set_auto_escape_callback(|_| AutoEscape::Html);
    environment.add_filter("ms", |value: f64| format!("{value:.1}"));
    environment
        .render_str(include_str!("report.html"), context! { report => report })
        .map_err(|error| error.to_string())
}
