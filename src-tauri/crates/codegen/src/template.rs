//! Code templates.

use minijinja::{Environment, Error, ErrorKind, State, UndefinedBehavior, Value, context};

/// Template of code in one language.
///
/// The template of verification code or of a handler is rendered once for the whole code, and once for each part of the
/// message that the code reads. In the second case, `part` is that part, and `optional` is true if it may be absent.
/// Macros would be an alternative, but their minijinja feature would also enable them in response templates.
pub(crate) struct Template {
    pub(crate) source: &'static str,
    /// Returns a text as a literal of the language.
    pub(crate) literal: fn(&str) -> String,
}

const NAME: &str = "code";

impl Template {
    /// Returns the code, without a final line break.
    ///
    /// # Errors
    /// Returns an error of minijinja if the template is invalid or has no code for a part.
    pub(crate) fn render(&self, context: Value) -> Result<String, Error> {
        let literal = self.literal;
        let mut environment = Environment::new();
        environment.set_trim_blocks(true);
        environment.set_lstrip_blocks(true);
        environment.set_undefined_behavior(UndefinedBehavior::Strict);
        environment.add_filter("literal", move |value: &Value| match value.as_str() {
            Some(text) => literal(text),
            None => value.to_string(),
        });
        environment.add_filter("comment", comment);
        environment.add_filter("variable", variable);
        environment.add_filter("regex_class", regex_class);
        environment.add_filter("code", |state: &State<'_, '_>, part: Value| code(state, part, false));
        environment.add_filter("optional", |state: &State<'_, '_>, part: Value| code(state, part, true));
        environment.add_template(NAME, self.source)?;
        let code = environment.get_template(NAME)?.render(context)?;
        Ok(code.trim_end().to_owned())
    }
}

/// Returns the code of one part of the message.
fn code(state: &State<'_, '_>, part: Value, optional: bool) -> Result<String, Error> {
    let code = state.env().get_template(NAME)?.render(context! { part => part, optional })?;
    match code.trim() {
        "" => Err(Error::new(ErrorKind::InvalidOperation, format!("no code for {part} in this language"))),
        code => Ok(code.to_owned()),
    }
}

/// Escapes a text for a comment in any language, so that the text cannot end the comment or start a line.
fn comment(text: &str) -> String {
    let inert: String =
        text.chars().map(|c| if c.is_control() || matches!(c, '\u{2028}' | '\u{2029}') { ' ' } else { c }).collect();
    inert.replace("*/", "* /").replace("?>", "? >").replace("\"\"\"", "'''")
}

/// Returns the name of the environment variable of a parameter.
fn variable(name: &str) -> String {
    name.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_uppercase() } else { '_' }).collect()
}

/// Escapes characters for a class `[…]` of a regular expression, inside any quotes.
fn regex_class(characters: &str) -> String {
    let is_literal = |c: char| c.is_ascii_alphanumeric() || " ,;:.=&|".contains(c);
    characters.chars().map(|c| if is_literal(c) { c.to_string() } else { format!("\\x{:02x}", u32::from(c)) }).collect()
}
