//! JUnit reports, which CI systems show.

use std::{path::Path, time::Duration};

use quick_junit::{NonSuccessKind, Report, TestCase, TestCaseStatus, TestSuite};

use super::error::CliError;

/// A test of a report.
pub(super) struct Test {
    pub(super) name: String,
    pub(super) took: Duration,
    /// What went wrong. The first line is the summary.
    pub(super) problem: Option<String>,
}

/// Writes the tests of a command, such as `wait`, into a file.
pub(super) fn write(path: &Path, command: &str, tests: Vec<Test>) -> Result<(), CliError> {
    let name = format!("hookbench {command}");
    let mut suite = TestSuite::new(&name);
    for Test { name, took, problem } in tests {
        let status = problem.map_or_else(TestCaseStatus::success, |problem| {
            let mut status = TestCaseStatus::non_success(NonSuccessKind::Failure);
            status.set_type(command).set_message(problem.lines().next().unwrap_or_default()).set_description(problem);
            status
        });
        let mut case = TestCase::new(name, status);
        case.set_classname(format!("hookbench.{command}")).set_time(took);
        suite.add_test_case(case);
    }
    let mut report = Report::new(&name);
    report.add_test_suite(suite);
    let wrong = |why: String| CliError::Other(format!("{}: {why}", path.display()));
    let text = report.to_string().map_err(|error| wrong(error.to_string()))?;
    std::fs::write(path, text).map_err(|error| wrong(error.to_string()))
}
