//! PowerShell 7 with `Invoke-WebRequest`
//! (<https://learn.microsoft.com/powershell/module/microsoft.powershell.utility/invoke-webrequest>).

use minijinja::context;

use super::{CodeRequest, adds, base64, python, rewritten};
use crate::{literal, template::Template};

const TEMPLATE: Template = Template { source: include_str!("templates/powershell.ps1"), literal: literal::powershell };

pub(super) fn write(message: &CodeRequest<'_>, notes: &mut Vec<String>) -> Result<String, String> {
    // `Uri` of .NET normalizes at least as much as `requests`.
    if python::rewrites(message.path) {
        notes.push(rewritten(".NET"));
    }
    notes.extend(adds("PowerShell", &message.lacks(&["User-Agent"])));
    let (mut headers, mut content_type) = (Vec::new(), None);
    for line in &message.joined(notes) {
        let value = line.text(notes);
        match line.name.eq_ignore_ascii_case("Content-Type") && !line.value.is_empty() {
            true => content_type = Some(value),
            false => headers.push(context! { name => line.name, value }),
        }
    }
    let body = match message.text().filter(|text| !text.chars().any(|c| c.is_control() && !matches!(c, '\n' | '\t'))) {
        _ if message.body.is_empty() => None,
        Some(text) => Some(format!("[System.Text.Encoding]::UTF8.GetBytes({})", literal::powershell(text))),
        None => Some(format!("[System.Convert]::FromBase64String('{}')", base64(message.body))),
    };
    let (url, method) = (message.url(), message.method);
    super::render(&TEMPLATE, context! { url, method, headers, content_type, body })
}
