//! PowerShell 7's `Invoke-WebRequest`
//! (<https://learn.microsoft.com/powershell/module/microsoft.powershell.utility/invoke-webrequest>).

use std::fmt::Write;

use super::{CodeRequest, adds, base64, python, rewritten};
use crate::literal;

pub(super) fn write(message: &CodeRequest<'_>, notes: &mut Vec<String>) -> String {
    // .NET's Uri changes no less than `requests` does.
    if python::rewrites(message.path) {
        notes.push(rewritten(".NET"));
    }
    notes.extend(adds("PowerShell", &message.lacks(&["User-Agent"])));
    let mut code = String::new();
    let mut content_type = String::new();
    let mut headers = String::new();
    for line in &message.joined(notes) {
        let value = literal::powershell(&line.text(notes));
        match line.name.eq_ignore_ascii_case("Content-Type") && !line.value.is_empty() {
            true => content_type = format!(" `\n    -ContentType {value}"),
            false => {
                let _ = writeln!(headers, "    {} = {value}", literal::powershell(&line.name));
            }
        }
    }
    if !headers.is_empty() {
        let _ = write!(code, "$headers = @{{\n{headers}}}\n");
    }
    let body = match message.text().filter(|text| !text.chars().any(|c| c.is_control() && !matches!(c, '\n' | '\t'))) {
        _ if message.body.is_empty() => None,
        Some(text) => Some(format!("[System.Text.Encoding]::UTF8.GetBytes({})", literal::powershell(text))),
        None => Some(format!("[System.Convert]::FromBase64String('{}')", base64(message.body))),
    };
    if let Some(body) = &body {
        let _ = writeln!(code, "$body = {body}");
    }
    let _ = write!(
        code,
        "Invoke-WebRequest {} `\n    -CustomMethod {}",
        literal::powershell(&message.url()),
        literal::powershell(message.method)
    );
    if !headers.is_empty() {
        code.push_str(" -Headers $headers -SkipHeaderValidation");
    }
    code.push_str(&content_type);
    if body.is_some() {
        code.push_str(" -Body $body");
    }
    code + " `\n    -MaximumRedirection 0 -SkipHttpErrorCheck\n"
}
