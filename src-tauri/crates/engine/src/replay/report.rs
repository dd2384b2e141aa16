//! HTML report of a replay.

use hookbench_model::ReplayReport;
use minijinja::{AutoEscape, Environment, context};

/// Renders a report as an HTML page. All values are escaped, and the page contains no scripts.
///
/// # Errors
/// Returns a message if the template cannot be rendered.
pub fn html(report: &ReplayReport) -> Result<String, String> {
    let mut environment = Environment::new();
    environment.set_auto_escape_callback(|_| AutoEscape::Html);
    environment.add_filter("ms", |value: f64| format!("{value:.1}"));
    environment
        .render_str(include_str!("report.html"), context! { report => report })
        .map_err(|error| error.to_string())
}
