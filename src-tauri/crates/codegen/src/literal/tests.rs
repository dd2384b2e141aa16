//! Tests that run each language and compare its literals with the original texts.

use std::{fs, path::Path, process::Command};

use proptest::{strategy::Strategy as _, strategy::ValueTree as _, test_runner::TestRunner};

use super::*;

/// Language under test.
struct Language {
    /// Command that runs a file.
    command: &'static [&'static str],
    file: &'static str,
    /// Program before and after the lines.
    program: (&'static str, &'static str),
    /// Returns a line that prints a text as hexadecimal.
    line: fn(&str) -> String,
    /// Returns a line that prints bytes as hexadecimal, if the code uses byte literals in this language.
    line_of_bytes: Option<fn(&[u8]) -> String>,
}

const LANGUAGES: &[Language] = &[
    Language {
        command: &["node"],
        file: "a.mjs",
        program: ("const say = (text, kind) => console.log(Buffer.from(text, kind).toString('hex'));\n", ""),
        line: |text| {
            let (single, double) = (JAVASCRIPT.literal('\'', text), JAVASCRIPT.literal('"', text));
            format!("say({single} === {double} ? {single} : '?', 'utf8');")
        },
        line_of_bytes: Some(|raw| format!("say({}, 'latin1');", bytes('\'', raw))),
    },
    Language {
        command: &["/usr/bin/python3"],
        file: "a.py",
        program: ("", ""),
        line: |text| {
            let (single, double) = (PYTHON.literal('\'', text), PYTHON.literal('"', text));
            format!("print(({single} if {single} == {double} else '?').encode().hex())")
        },
        line_of_bytes: Some(|raw| format!("print(b{}.hex())", bytes('\'', raw))),
    },
    Language {
        command: &["php"],
        file: "a.php",
        program: ("<?php\n", ""),
        line: |text| {
            let (single, double) = (php_single(text), PHP.literal('"', text));
            format!("echo bin2hex({single} === {double} ? {single} : '?'), \"\\n\";")
        },
        line_of_bytes: None,
    },
    Language {
        command: &["go", "run"],
        file: "a.go",
        program: (
            "package main\n\nimport \"fmt\"\n\nfunc say(text, same string) {\n\tfmt.Printf(\"%x\\n\", map[bool]string{true: text}[text == same])\n}\n\nfunc main() {\n",
            "\n}\n",
        ),
        line: |text| format!("say({}, {})", go(text), GO.literal('"', text)),
        line_of_bytes: Some(|raw| format!("fmt.Printf(\"%x\\n\", {})", bytes('"', raw))),
    },
    Language {
        command: &["ruby"],
        file: "a.rb",
        program: ("", ""),
        line: |text| format!("puts {}.unpack1('H*')", RUBY.literal('"', text)),
        line_of_bytes: None,
    },
    Language {
        command: &["java"],
        file: "A.java",
        program: (
            "import java.nio.charset.StandardCharsets;\nimport java.util.HexFormat;\n\nclass A {\n    static void say(String text) {\n        System.out.println(HexFormat.of().formatHex(text.getBytes(StandardCharsets.UTF_8)));\n    }\n\n    public static void main(String[] arguments) {\n",
            "\n    }\n}\n",
        ),
        line: |text| format!("say({});", JAVA.literal('"', text)),
        line_of_bytes: None,
    },
    Language {
        command: &["rustc", "-o", "a.out"],
        file: "a.rs",
        program: (
            "#![allow(text_direction_codepoint_in_literal)]\nfn say(text: &str) {\n    println!(\"{}\", text.bytes().map(|byte| format!(\"{byte:02x}\")).collect::<String>());\n}\n\nfn main() {\n",
            "\n}\n",
        ),
        line: |text| format!("say({});", RUST.literal('"', text)),
        line_of_bytes: None,
    },
];

/// Runs a program and returns what it prints.
fn output(language: &Language, dir: &Path, program: &str) -> String {
    fs::write(dir.join(language.file), program).expect("the folder is writable");
    let run = |words: &[&str], arguments: &[&str]| {
        let output = Command::new(words[0])
            .args(&words[1..])
            .args(arguments)
            .current_dir(dir)
            .env("GOFLAGS", "-mod=mod")
            .env("JAVA_TOOL_OPTIONS", "-Dfile.encoding=UTF-8")
            .output()
            .expect("the language is installed");
        assert!(output.status.success(), "{words:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).expect("it prints text")
    };
    let printed = run(language.command, &[language.file]);
    if language.command[0] == "rustc" { run(&["./a.out"], &[]) } else { printed }
}

/// Returns texts with quotes, backslashes, line breaks, expressions, other alphabets and invisible characters.
fn texts() -> Vec<String> {
    let fixed = [
        "",
        "'",
        "\"",
        "`",
        "\\",
        "\\\\'",
        "${x}",
        "$x",
        "{$x}",
        "#{x}",
        "#$x",
        "a\nb\r\n\tc",
        "\u{0}7",
        "\u{feff}\"",
        "\u{202e}\u{2028}",
        "Zoë ’日本 😀",
        "</script>",
        "?>",
        "*/",
        "\\U0000001b",
        "\\u0022",
        "%s %n",
        "\u{e0001}",
    ];
    let mut runner = TestRunner::default();
    let mut texts: Vec<String> = fixed.map(str::to_owned).into();
    for pattern in ["[ -~\\n\\r\\t]{0,40}", "\\PC{0,20}", "(?s).{0,20}"] {
        let strategy = proptest::string::string_regex(pattern).expect("a pattern");
        texts.extend((0..100).map(|_| strategy.new_tree(&mut runner).expect("a text").current()));
    }
    texts
}

#[test]
fn round_trips_literals_in_every_language() {
    let texts = texts();
    let raw: Vec<Vec<u8>> = texts.iter().map(|text| text.chars().map(|c| u32::from(c) as u8).collect()).collect();
    let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    for language in LANGUAGES {
        let dir = tempfile::tempdir().expect("a folder");
        let mut lines: Vec<String> = texts.iter().map(|text| (language.line)(text)).collect();
        let mut expected: Vec<String> = texts.iter().map(|text| hex(text.as_bytes())).collect();
        if let Some(line) = language.line_of_bytes {
            lines.extend(raw.iter().map(|bytes| line(bytes)));
            expected.extend(raw.iter().map(|bytes| hex(bytes)));
        }
        let (before, after) = language.program;
        let printed = output(language, dir.path(), &format!("{before}{}{after}", lines.join("\n")));
        let printed: Vec<&str> = printed.lines().collect();
        assert_eq!(printed.len(), expected.len(), "{:?}", language.command);
        for (at, (printed, expected)) in printed.iter().zip(&expected).enumerate() {
            assert_eq!(printed, expected, "{:?}: {:?}", language.command, texts[at % texts.len()]);
        }
    }
}

/// PowerShell is not installed in the test environment, so this test compares the text.
#[test]
fn doubles_all_five_quotes_of_powershell() {
    assert_eq!(powershell("a'b’c‘d‚e‛f\"$x`\\\n"), "'a''b’’c‘‘d‚‚e‛‛f\"$x`\\\n'");
}
