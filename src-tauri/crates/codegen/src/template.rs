//! A template of code in one language.

use minijinja::{Environment, Error, ErrorKind, State, UndefinedBehavior, Value, context};

/// A template of code in one language.
///
/// A template of verifying code or of a handler is rendered for the whole code, and once more for every part of the
/// message that the code reads: then `part` is that part, and `optional` says whether it may be absent. (Macros would do
/// the same, but minijinja's feature for them would also open them to the templates of responses.)
pub(crate) struct Template {
    pub(crate) source: &'static str,
    /// Writes a text as a literal.
    pub(crate) literal: fn(&str) -> String,
}

const NAME: &str = "code";

impl Template {
    /// Returns the code, without a line break at the end.
    ///
    /// # Errors
    /// An error of minijinja if the template is wrong or has no code for a part.
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

/// The code of one part of the message.
fn code(state: &State<'_, '_>, part: Value, optional: bool) -> Result<String, Error> {
    let code = state.env().get_template(NAME)?.render(context! { part => part, optional })?;
    match code.trim() {
        "" => Err(Error::new(ErrorKind::InvalidOperation, format!("this language has no code for {part}"))),
        code => Ok(code.to_owned()),
    }
}

/// A text inside a comment of any language: the text neither ends the comment nor starts a line.
fn comment(text: &str) -> String {
    let inert: String =
        text.chars().map(|c| if c.is_control() || matches!(c, '\u{2028}' | '\u{2029}') { ' ' } else { c }).collect();
    inert.replace("*/", "* /").replace("?>", "? >").replace("\"\"\"", "'''")
}

/// The environment variable that a setting is read from.
fn variable(name: &str) -> String {
    name.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_uppercase() } else { '_' }).collect()
}

/// Characters as the inside of a class `[…]` of a regular expression, whatever quotes are around that expression.
fn regex_class(characters: &str) -> String {
    let is_literal = |c: char| c.is_ascii_alphanumeric() || " ,;:.=&|".contains(c);
    characters.chars().map(|c| if is_literal(c) { c.to_string() } else { format!("\\x{:02x}", u32::from(c)) }).collect()
}
