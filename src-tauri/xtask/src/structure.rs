//! Checks of the structure of the Rust code: sizes of crates and functions, import cycles, and the places of SQL,
//! `impl Engine` and untyped JSON.
//!
//! Each figure over its goal has an entry in [`KNOWN`], which may only decrease.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

use syn::{ImplItem, Item, ItemFn, UseTree, spanned::Spanned as _, visit::Visit};

use crate::shell;

/// Maximum lines of product code per crate.
const CRATE_MAX: usize = 12_000;

/// Maximum lines of the engine crate, which only connects the other crates.
const ENGINE_MAX: usize = 10_000;

/// Maximum lines per function.
const FUNCTION_MAX: usize = 80;

/// Maximum files per import cycle.
const CYCLE_MAX: usize = 3;

/// Crates that may contain SQL.
const SQL: &[&str] = &["store", "capture", "search", "relay"];

/// Figures that are currently over their goal. A change may lower a figure, but not raise it.
const KNOWN: &[(&str, usize)] = &[];

/// Measured figures by name, each with its goal.
type Figures = BTreeMap<String, (usize, usize)>;

/// Measures the structure and prints the figures that are over their goals.
///
/// # Errors
///
/// Names every figure that is over its goal and its entry in [`KNOWN`], and every entry that can be lowered.
pub(crate) fn check() -> Result<(), String> {
    let figures = measure()?;
    let mut worse = Vec::new();
    for (name, (figure, goal)) in &figures {
        let known = KNOWN.iter().find(|(known, _)| known == name).map_or(*goal, |(_, known)| (*known).max(*goal));
        if figure > goal {
            println!("{name}: {figure} (goal {goal})");
        }
        if *figure > known {
            worse.push(format!("{name}: {figure} (at most {known})"));
        }
    }
    for (name, known) in KNOWN {
        let now = figures.get(*name).map_or(0, |(figure, _)| *figure);
        if now < *known {
            worse.push(format!("{name}: now {now}. Lower the entry in xtask/src/structure.rs from {known}"));
        }
    }
    if worse.is_empty() { Ok(()) } else { Err(format!("structure:\n  {}", worse.join("\n  "))) }
}

fn measure() -> Result<Figures, String> {
    let mut figures = Figures::new();
    let root = shell::root();
    let mut crates: Vec<(String, PathBuf)> = vec![("app".into(), root.join("src-tauri/src"))];
    for entry in fs::read_dir(root.join("src-tauri/crates")).map_err(|e| e.to_string())?.flatten() {
        crates.push((entry.file_name().to_string_lossy().into_owned(), entry.path().join("src")));
    }
    let (mut engine_files, mut sql_files, mut untyped, mut bare) = (0, 0, 0, 0);
    for (name, folder) in crates {
        let mut files = Vec::new();
        sources(&folder, &mut files)?;
        let mut lines = 0;
        let mut graph: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for path in &files {
            let text = fs::read_to_string(path).map_err(|e| format!("{}: {e}", path.display()))?;
            let tree = syn::parse_file(&text).map_err(|e| format!("{}: {e}", path.display()))?;
            let shown = path.strip_prefix(&root).unwrap_or(path).display().to_string();
            let product = product_lines(&text, &tree);
            lines += product;
            let mut seen = Seen::default();
            seen.visit_file(&tree);
            for (function, length) in seen.functions {
                if length > FUNCTION_MAX {
                    figures.insert(format!("lines of {function} in {shown}"), (length, FUNCTION_MAX));
                }
            }
            engine_files += usize::from(seen.engine);
            if seen.sql && !SQL.contains(&name.as_str()) {
                sql_files += 1;
            }
            // A file that creates tables may use state numbers in defaults and indexes.
            if !text.contains("CREATE TABLE") {
                for line in bare_states(&text[..product_end(&text)]) {
                    println!("a bare state number in {shown}: {line}");
                    bare += 1;
                }
            }
            if name == "app" && shown.contains("/cli/") {
                untyped += seen.untyped;
            }
            let module = module_of(&folder, path);
            let uses = seen.uses.iter().filter_map(|used| resolve(used, &module, &folder));
            graph.entry(module.clone()).or_default().extend(uses.filter(|used| *used != module));
        }
        let goal = if name == "engine" { ENGINE_MAX } else { CRATE_MAX };
        figures.insert(format!("lines of crate {name}"), (lines, goal));
        let largest = cycles(&graph).into_iter().max_by_key(Vec::len).unwrap_or_default();
        if largest.len() > CYCLE_MAX {
            println!("a cycle in crate {name}: {}", largest.join(", "));
        }
        let largest = largest.len();
        figures.insert(format!("files of the largest cycle in crate {name}"), (largest, CYCLE_MAX));
    }
    figures.insert("files with an impl of Engine".into(), (engine_files, 1));
    figures.insert("files with SQL outside store, capture, search and relay".into(), (sql_files, 0));
    figures.insert("uses of serde_json::Value in cli/".into(), (untyped, 0));
    figures.insert("bare state numbers in SQL".into(), (bare, 0));
    Ok(figures)
}

/// Returns the position of the test module at the end of a file, or the length of the text.
fn product_end(text: &str) -> usize {
    text.find("#[cfg(test)]\nmod ").unwrap_or(text.len())
}

/// Returns the lines that compare or set a state with a literal number in SQL.
fn bare_states(text: &str) -> impl Iterator<Item = &str> {
    const COLUMNS: &[&str] = &["state", "body_state", "purpose", "origin", "backlog"];
    let is_bare = |line: &&str| {
        let words: Vec<&str> = line.split([' ', '(', ',', '"']).filter(|word| !word.is_empty()).collect();
        words.windows(3).any(|words| {
            let column = words[0].rsplit('.').next().unwrap_or_default();
            COLUMNS.contains(&column)
                && matches!(words[1], "=" | "<>" | "!=" | "<" | ">" | "IN")
                && words[2].starts_with(|c: char| c.is_ascii_digit())
        })
    };
    text.lines().filter(is_bare).map(str::trim)
}

/// Collects the Rust files below a folder, without test files.
fn sources(folder: &Path, files: &mut Vec<PathBuf>) -> Result<(), String> {
    for entry in fs::read_dir(folder).map_err(|e| format!("{}: {e}", folder.display()))?.flatten() {
        let path = entry.path();
        if path.is_dir() {
            if path.file_name().is_none_or(|name| name != "templates") {
                sources(&path, files)?;
            }
        } else if path.extension().is_some_and(|extension| extension == "rs")
            && !path.file_name().is_some_and(|name| ["tests.rs", "for_tests.rs"].iter().any(|test| name == *test))
        {
            files.push(path);
        }
    }
    Ok(())
}

/// Returns the number of lines without test items.
fn product_lines(text: &str, tree: &syn::File) -> usize {
    let tests: usize = tree.items.iter().filter(|item| is_test(item)).map(|item| lines_of(item.span())).sum();
    text.lines().count() - tests
}

fn is_test(item: &Item) -> bool {
    let attributes = match item {
        Item::Mod(item) => &item.attrs,
        Item::Fn(item) => &item.attrs,
        Item::Impl(item) => &item.attrs,
        _ => return false,
    };
    attributes.iter().any(|attribute| {
        attribute.path().is_ident("test")
            || attribute.path().is_ident("cfg")
                && attribute.meta.require_list().is_ok_and(|list| list.tokens.to_string() == "test")
    })
}

fn lines_of(span: proc_macro2::Span) -> usize {
    span.end().line + 1 - span.start().line
}

/// Findings in one file.
#[derive(Default)]
struct Seen {
    functions: Vec<(String, usize)>,
    /// Paths that are imported or named from `crate` or `super`.
    uses: Vec<Vec<String>>,
    engine: bool,
    sql: bool,
    untyped: usize,
}

impl Seen {
    fn function(&mut self, name: &syn::Ident, whole: proc_macro2::Span, block: &syn::Block) {
        // A function that only returns a table has one line per row, so its length does not count.
        let table = matches!(block.stmts.as_slice(), [syn::Stmt::Macro(only)] if only.mac.path.is_ident("vec"))
            || matches!(block.stmts.as_slice(), [syn::Stmt::Expr(syn::Expr::Macro(only), None)] if only.mac.path.is_ident("vec"));
        if !table {
            self.functions.push((name.to_string(), lines_of(whole)));
        }
    }

    fn tree(&mut self, before: &[String], tree: &UseTree) {
        match tree {
            UseTree::Path(path) => {
                let mut whole = before.to_vec();
                whole.push(path.ident.to_string());
                self.tree(&whole, &path.tree);
            }
            UseTree::Group(group) => group.items.iter().for_each(|tree| self.tree(before, tree)),
            UseTree::Name(name) => self.uses.push([before, &[name.ident.to_string()]].concat()),
            UseTree::Rename(rename) => self.uses.push([before, &[rename.ident.to_string()]].concat()),
            UseTree::Glob(_) => self.uses.push(before.to_vec()),
        }
    }
}

impl<'ast> Visit<'ast> for Seen {
    fn visit_item(&mut self, item: &'ast Item) {
        if !is_test(item) {
            syn::visit::visit_item(self, item);
        }
    }

    fn visit_item_fn(&mut self, item: &'ast ItemFn) {
        self.function(&item.sig.ident, item.span(), &item.block);
        syn::visit::visit_item_fn(self, item);
    }

    fn visit_impl_item(&mut self, item: &'ast ImplItem) {
        if let ImplItem::Fn(method) = item {
            self.function(&method.sig.ident, method.span(), &method.block);
        }
        syn::visit::visit_impl_item(self, item);
    }

    fn visit_item_impl(&mut self, item: &'ast syn::ItemImpl) {
        if item.trait_.is_none()
            && let syn::Type::Path(path) = &*item.self_ty
        {
            self.engine |= path.path.is_ident("Engine");
        }
        syn::visit::visit_item_impl(self, item);
    }

    fn visit_item_use(&mut self, item: &'ast syn::ItemUse) {
        self.tree(&[], &item.tree);
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        let segments: Vec<String> = path.segments.iter().map(|segment| segment.ident.to_string()).collect();
        if segments.first().is_some_and(|first| first == "crate" || first == "super") {
            self.uses.push(segments.clone());
        }
        if segments.last().is_some_and(|last| last == "Value") {
            self.untyped += 1;
        }
        syn::visit::visit_path(self, path);
    }

    fn visit_lit_str(&mut self, text: &'ast syn::LitStr) {
        let text = text.value();
        let begins = |word: &str| text.trim_start().starts_with(word);
        self.sql |= begins("SELECT ") || begins("INSERT ") || begins("DELETE FROM ") || begins("UPDATE ");
    }

    fn visit_macro(&mut self, item: &'ast syn::Macro) {
        let text = item.tokens.to_string();
        self.sql |= ["\"SELECT ", "\"INSERT ", "\"DELETE FROM ", "\"UPDATE "].iter().any(|word| text.contains(word));
    }
}

/// Returns the path of a file's module in its crate, such as `request/list`, or an empty path for the root.
fn module_of(folder: &Path, path: &Path) -> String {
    let relative = path.strip_prefix(folder).unwrap_or(path).with_extension("");
    let text = relative.display().to_string();
    match text.as_str() {
        "lib" | "main" => String::new(),
        text => text.strip_suffix("/mod").unwrap_or(text).to_owned(),
    }
}

/// Returns the module that a `use` path refers to.
fn resolve(used: &[String], module: &str, folder: &Path) -> Option<String> {
    let mut segments: Vec<&str> = match used.first().map(String::as_str)? {
        "crate" => Vec::new(),
        "super" => {
            let mut own: Vec<&str> = module.split('/').filter(|part| !part.is_empty()).collect();
            own.pop();
            own
        }
        "self" => module.split('/').filter(|part| !part.is_empty()).collect(),
        _ => return None,
    };
    for segment in used.iter().skip(1) {
        if segment == "super" {
            segments.pop();
            continue;
        }
        let next = [&segments[..], &[segment]].concat().join("/");
        if folder.join(&next).with_extension("rs").is_file() || folder.join(&next).join("mod.rs").is_file() {
            segments.push(segment);
        } else {
            break;
        }
    }
    Some(segments.join("/"))
}

/// Returns the import cycles, which are the strongly connected components of the module graph.
fn cycles(graph: &BTreeMap<String, BTreeSet<String>>) -> Vec<Vec<String>> {
    let reach = |from: &str| -> BTreeSet<String> {
        let (mut found, mut waiting) = (BTreeSet::new(), vec![from.to_owned()]);
        while let Some(module) = waiting.pop() {
            for next in graph.get(&module).into_iter().flatten() {
                if found.insert(next.clone()) {
                    waiting.push(next.clone());
                }
            }
        }
        found
    };
    let reached: BTreeMap<&String, BTreeSet<String>> = graph.keys().map(|module| (module, reach(module))).collect();
    let mut cycles: Vec<Vec<String>> = Vec::new();
    for (module, to) in &reached {
        if cycles.iter().any(|cycle| cycle.contains(module)) || !to.contains(*module) {
            continue;
        }
        let cycle: Vec<String> =
            to.iter().filter(|other| reached.get(other).is_some_and(|back| back.contains(*module))).cloned().collect();
        cycles.push(cycle);
    }
    cycles
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_bare_state_numbers() {
        let bare = |line: &str| bare_states(line).count();
        assert_eq!(bare("UPDATE delivery SET state = 0, reason = ?1"), 1);
        assert_eq!(bare("WHERE d.state IN (3, 4)"), 1);
        assert_eq!(bare("iif(r.body_state = 3, 0, r.body_bytes)"), 1);
        assert_eq!(bare("WHERE state = {WAITING} AND number = 7 AND state = ?2"), 0);
    }
}
