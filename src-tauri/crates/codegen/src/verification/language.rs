//! Languages of the samples.

use crate::{literal, template::Template};

/// Language of a sample.
pub(crate) struct Language {
    /// Name in the API.
    pub(super) id: &'static str,
    /// Display name.
    pub(super) name: &'static str,
    pub(super) template: Template,
}

/// All languages, the most popular first.
pub(super) const LANGUAGES: &[Language] = &[NODE, PYTHON, PHP, GO, RUBY, JAVA, RUST];

pub(crate) const NODE: Language = Language {
    id: "node",
    name: "Node",
    template: Template {
        source: include_str!("templates/node.js"),
        literal: |text| literal::JAVASCRIPT.literal('"', text),
    },
};

pub(crate) const PYTHON: Language = Language {
    id: "python",
    name: "Python",
    template: Template {
        source: include_str!("templates/python.py"),
        literal: |text| literal::PYTHON.literal('"', text),
    },
};

pub(crate) const PHP: Language = Language {
    id: "php",
    name: "PHP",
    template: Template { source: include_str!("templates/php.php"), literal: |text| literal::PHP.literal('"', text) },
};

pub(crate) const GO: Language = Language {
    id: "go",
    name: "Go",
    template: Template { source: include_str!("templates/go.go"), literal: |text| literal::GO.literal('"', text) },
};

const RUBY: Language = Language {
    id: "ruby",
    name: "Ruby",
    template: Template { source: include_str!("templates/ruby.rb"), literal: |text| literal::RUBY.literal('"', text) },
};

const JAVA: Language = Language {
    id: "java",
    name: "Java",
    template: Template {
        source: include_str!("templates/java.java"),
        literal: |text| literal::JAVA.literal('"', text),
    },
};

const RUST: Language = Language {
    id: "rust",
    name: "Rust",
    template: Template { source: include_str!("templates/rust.rs"), literal: |text| literal::RUST.literal('"', text) },
};
