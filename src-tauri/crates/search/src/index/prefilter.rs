//! What a query asks of the index: bits that every match has.

use hookline_query::{Node, Pattern, Place, Step, Term, Test, canonical, fold};

use super::bits;

/// Bytes of a text that are asked for: rows of one long body overlap by one less.
pub(crate) const NEEDLE_MAX: usize = 64;

/// Bits asked for at most; more leave out hardly anything more.
const BITS_MAX: usize = 24;

/// Bits that a match has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Prefilter {
    /// Nothing can be left out.
    Everything,
    /// One row of the request has all of these.
    Bits(Vec<u16>),
    All(Vec<Prefilter>),
    Any(Vec<Prefilter>),
}

impl Prefilter {
    pub(crate) fn of(node: &Node) -> Self {
        match node {
            Node::All(nodes) => all(nodes.iter().map(Self::of)),
            Node::Any(nodes) => any(nodes.iter().map(Self::of)),
            // A index lets things pass that do not match, so it says nothing of what must not.
            Node::Not(_) => Self::Everything,
            Node::Term(term) => of_term(term),
        }
    }

    pub(crate) fn is_everything(&self) -> bool {
        *self == Self::Everything
    }
}

fn all(filters: impl Iterator<Item = Prefilter>) -> Prefilter {
    let mut filters: Vec<Prefilter> = filters.filter(|prefilter| !prefilter.is_everything()).collect();
    match filters.len() {
        0 => Prefilter::Everything,
        1 => filters.remove(0),
        _ => Prefilter::All(filters),
    }
}

fn any(filters: impl Iterator<Item = Prefilter>) -> Prefilter {
    let filters: Vec<Prefilter> = filters.collect();
    if filters.iter().any(Prefilter::is_everything) { Prefilter::Everything } else { Prefilter::Any(filters) }
}

fn of_term(term: &Term) -> Prefilter {
    let Test::Text(pattern) = &term.test else { return Prefilter::Everything };
    match &term.place {
        Place::Anywhere => containing(pattern),
        Place::Field(field) if matches!(field.name, "path" | "target") => containing(pattern),
        Place::Header(name) => all([needle(&fold(name.as_bytes())), containing(pattern)].into_iter()),
        Place::Body(path) => in_json(&path.0, pattern),
        // Names and values of forms and queries may be written in many ways.
        Place::Query(_) | Place::Form(_) | Place::Field(_) => Prefilter::Everything,
    }
}

fn containing(pattern: &Pattern) -> Prefilter {
    all(pattern.needles().iter().map(|bytes| needle(bytes)))
}

/// The bits of a folded text.
fn needle(bytes: &[u8]) -> Prefilter {
    let bits: Vec<u16> = bytes[..bytes.len().min(NEEDLE_MAX)].windows(3).map(bits::trigram).collect();
    let every = bits.len().div_ceil(BITS_MAX).max(1);
    if bits.is_empty() { Prefilter::Everything } else { Prefilter::Bits(bits.into_iter().step_by(every).collect()) }
}

fn in_json(path: &[Step], pattern: &Pattern) -> Prefilter {
    if let Pattern::Is(bytes) | Pattern::Exact(bytes) = pattern
        && let (Ok(text), Some(paths)) = (std::str::from_utf8(bytes), paths(path))
    {
        return any(paths.iter().map(|path| Prefilter::Bits(bits::value(path, text).collect())));
    }
    // Keys and texts stand in the body as they read; numbers may be written in many ways.
    let keys = path.iter().map(|step| match step {
        Step::Key(key) if key.parse::<usize>().is_err() => needle(&fold(key.as_bytes())),
        _ => Prefilter::Everything,
    });
    let numeric = matches!(pattern, Pattern::Is(bytes) | Pattern::Exact(bytes) if std::str::from_utf8(bytes).is_ok_and(|text| canonical(text).parse::<f64>().is_ok()));
    let value = if numeric { Prefilter::Everything } else { containing(pattern) };
    all(keys.chain([value]))
}

/// A path as the values in the index are named; both ways if a step may be a key or a number. None
/// if there are more.
fn paths(steps: &[Step]) -> Option<Vec<String>> {
    let mut paths = vec![String::new()];
    for step in steps {
        let (key, element) = match step {
            Step::Key(key) => (Some(key), key.parse::<usize>().is_ok()),
            Step::Index(_) => (None, true),
            Step::Any => return None,
        };
        let mut longer = Vec::new();
        for path in paths {
            if let Some(key) = key {
                let mut path = path.clone();
                bits::push_key(&mut path, key);
                longer.push(path);
            }
            if element {
                let mut path = path;
                bits::push_element(&mut path);
                longer.push(path);
            }
        }
        paths = longer;
        if paths.len() > 4 {
            return None;
        }
    }
    Some(paths)
}
