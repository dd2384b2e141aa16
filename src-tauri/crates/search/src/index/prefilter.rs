//! Prefilters: bits that every match of a query must have.

use hookbench_query::{Node, Pattern, Place, Step, Term, Test, canonical, fold};

use super::bits;

/// Maximum number of bytes of a text that are tested. Pieces of a large text overlap by this number.
pub(crate) const NEEDLE_MAX: usize = 64;

/// Maximum number of bits that are tested for one text. Further bits exclude hardly any request.
const BITS_MAX: usize = 24;

/// Bits that every match must have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Prefilter {
    /// No request can be excluded.
    Everything,
    /// One row of the request has all of these bits.
    Bits(Vec<u16>),
    /// All of these prefilters apply.
    All(Vec<Prefilter>),
    /// At least one of these prefilters applies.
    Any(Vec<Prefilter>),
}

impl Prefilter {
    pub(crate) fn of(node: &Node) -> Self {
        match node {
            Node::All(nodes) => all(nodes.iter().map(Self::of)),
            Node::Any(nodes) => any(nodes.iter().map(Self::of)),
            // A prefilter also passes requests that do not match, so its negation is not valid.
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
        // Names and values of forms and queries have many possible encodings.
        Place::Query(_) | Place::Form(_) | Place::Field(_) => Prefilter::Everything,
    }
}

fn containing(pattern: &Pattern) -> Prefilter {
    all(pattern.needles().iter().map(|bytes| needle(bytes)))
}

/// Returns the prefilter for a case-folded text.
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
    // Keys and strings appear in the folded texts of a request. Numbers have many possible notations.
    let keys = path.iter().map(|step| match step {
        Step::Key(key) if key.parse::<usize>().is_err() => needle(&fold(key.as_bytes())),
        _ => Prefilter::Everything,
    });
    let numeric = matches!(pattern, Pattern::Is(bytes) | Pattern::Exact(bytes) if std::str::from_utf8(bytes).is_ok_and(|text| canonical(text).parse::<f64>().is_ok()));
    let value = if numeric { Prefilter::Everything } else { containing(pattern) };
    all(keys.chain([value]))
}

/// Returns the paths under which the values of these steps are indexed. A numeric step can be a key or an array index,
/// so it gives two paths. `None` for a wildcard step, or if there are more than four paths.
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
