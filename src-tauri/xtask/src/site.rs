//! `cargo xtask site`: the pages of docs/ and the API reference as a static site, in `target/site/html`.

use std::{collections::BTreeSet, fs, path::Path};

use crate::{
    files::{copy, create, list, read, write},
    reference, setup, shell,
};

/// Folder of the API reference in the site.
const REFERENCE: &str = "reference";

/// Writes the site, and checks that each of its links leads somewhere.
pub(crate) fn build() -> Result<(), String> {
    setup::mdbook()?;
    let root = shell::root();
    let site = root.join("target/site");
    let _ = fs::remove_dir_all(&site);
    let pages = site.join("src");
    create(&pages.join(REFERENCE))?;
    for file in list(&root.join("docs"))? {
        copy(&file, &pages.join(file.file_name().unwrap_or_default()))?;
    }
    for file in ["book.toml", "site.css"] {
        copy(&root.join("src-tauri/packaging/site").join(file), &site.join(file))?;
    }
    create(&site.join("theme"))?;
    copy(&root.join("src-tauri/icons/icon.svg"), &site.join("theme/favicon.svg"))?;
    copy(&root.join("src-tauri/icons/32x32.png"), &site.join("theme/favicon.png"))?;
    let mut chapters = format!("- [API reference]({REFERENCE}/README.md)\n");
    for page in reference::pages(&document(&root)?) {
        write(&pages.join(REFERENCE).join(&page.file), &page.text)?;
        if page.file != "README.md" {
            chapters += &format!("  - [{}]({REFERENCE}/{})\n", page.title, page.file);
        }
    }
    let summary = read(&root.join("src-tauri/packaging/site/SUMMARY.md"))?.replace("REFERENCE\n", &chapters);
    write(&pages.join("SUMMARY.md"), &summary)?;
    listed(&pages, &summary)?;
    shell::run("mdbook", &["build", &site.display().to_string()])?;
    links(&site.join("html"))
}

fn document(root: &Path) -> Result<serde_json::Value, String> {
    serde_json::from_str(&read(&root.join("ui/openapi.json"))?).map_err(|e| e.to_string())
}

/// Fails if a page of docs/ is not in the summary, because the site would not contain it.
fn listed(pages: &Path, summary: &str) -> Result<(), String> {
    for file in list(pages)? {
        let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if name.ends_with(".md") && name != "SUMMARY.md" && !summary.contains(&format!("({name})")) {
            return Err(format!("docs/{name} is not in src-tauri/packaging/site/SUMMARY.md. Add a line for it"));
        }
    }
    Ok(())
}

/// Fails if a page links to a file or a heading that does not exist.
fn links(html: &Path) -> Result<(), String> {
    let mut broken = Vec::new();
    for page in [list(html)?, list(&html.join(REFERENCE))?].concat() {
        // The page for paths that do not exist has absolute links, and the printed page repeats those of the others.
        let skipped = ["404.html", "print.html", "toc.html"].iter().any(|name| page.ends_with(name));
        if skipped || page.extension().is_none_or(|end| end != "html") {
            continue;
        }
        let text = read(&page)?;
        for link in values(&text, " href=\"").chain(values(&text, " src=\"")) {
            if !link.contains(':') && !leads(&page, link)? {
                broken.push(format!("{}: {link}", page.display()));
            }
        }
    }
    if broken.is_empty() { Ok(()) } else { Err(format!("links that lead nowhere:\n{}", broken.join("\n"))) }
}

/// Returns true if a relative link of a page leads to a file, and to an element of it if the link names one.
fn leads(page: &Path, link: &str) -> Result<bool, String> {
    let (path, id) = link.split_once('#').unwrap_or((link, ""));
    let target = if path.is_empty() { page.to_owned() } else { page.parent().unwrap_or(page).join(path) };
    if !target.is_file() {
        return Ok(false);
    }
    Ok(id.is_empty() || values(&read(&target)?, " id=\"").collect::<BTreeSet<_>>().contains(id))
}

/// Returns the values of an attribute in HTML.
fn values<'t>(html: &'t str, attribute: &'t str) -> impl Iterator<Item = &'t str> {
    html.split(attribute).skip(1).filter_map(|rest| rest.split('"').next())
}
