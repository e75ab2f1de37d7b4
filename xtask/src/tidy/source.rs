//! A small scanner of Rust sources: enough to tell code from comments and
//! strings, and production code from tests, without a parser.

use std::collections::BTreeSet;
use std::ops::Range;

use super::Tree;

/// One source with parts of it replaced by spaces; byte offsets and line
/// numbers are those of the file.
#[derive(Debug)]
pub(crate) struct Source {
    /// Without comments and without the content of strings.
    pub(crate) code: String,
    /// Without comments.
    pub(crate) text: String,
}

/// A function and where it stands.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Function {
    pub(crate) name: String,
    pub(crate) line: usize,
    /// Lines that hold code, from `fn` to the closing brace.
    pub(crate) length: usize,
}

/// What a stretch of the file is.
enum Kind {
    Code,
    Comment,
    Literal,
}

impl Source {
    /// Blanks comments and strings.
    pub(crate) fn scan(file: &str) -> Self {
        let bytes = file.as_bytes();
        let mut code = bytes.to_vec();
        let mut text = bytes.to_vec();
        let mut at = 0;
        while at < bytes.len() {
            let (kind, end) = token(bytes, at);
            match kind {
                Kind::Code => {}
                Kind::Comment => {
                    blank(&mut code, at..end);
                    blank(&mut text, at..end);
                }
                Kind::Literal => blank(&mut code, at + 1..end.saturating_sub(1).max(at + 1)),
            }
            at = end;
        }
        let string = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
        Self { code: string(code), text: string(text) }
    }

    /// The same without items marked `#[cfg(test)]`.
    pub(crate) fn production(file: &str) -> Self {
        let whole = Self::scan(file);
        let mut code = whole.code.clone().into_bytes();
        let mut text = whole.text.into_bytes();
        for item in test_items(&whole.code) {
            blank(&mut code, item.clone());
            blank(&mut text, item);
        }
        let string = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
        Self { code: string(code), text: string(text) }
    }

    /// Lines that hold code: neither empty nor comment alone.
    pub(crate) fn length(&self) -> usize {
        code_lines(&self.text)
    }

    /// Every function with a body, in order.
    pub(crate) fn functions(&self) -> Vec<Function> {
        let mut found = Vec::new();
        for (start, word) in words(&self.code) {
            if word != "fn" {
                continue;
            }
            let Some(name) = words(&self.code[start + 2..])
                .next()
                .filter(|(gap, _)| self.code[start + 2..start + 2 + gap].trim().is_empty())
            else {
                continue;
            };
            if let Some(end) = body_end(&self.code, start) {
                found.push(Function {
                    name: name.1.to_owned(),
                    line: line_of(&self.code, start),
                    length: code_lines(&self.text[start..end]),
                });
            }
        }
        found
    }
}

/// The identifiers, keywords and numbers of a text with their offsets.
pub(crate) fn words(code: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut at = 0;
    std::iter::from_fn(move || {
        let is_word = |c: char| c.is_alphanumeric() || c == '_';
        let start = at + code[at..].find(is_word)?;
        let end = code[start..].find(|c| !is_word(c)).map_or(code.len(), |length| start + length);
        at = end;
        Some((start, &code[start..end]))
    })
}

/// The line number, from 1, of an offset.
pub(crate) fn line_of(text: &str, offset: usize) -> usize {
    text.as_bytes()[..offset].iter().filter(|byte| **byte == b'\n').count() + 1
}

/// The sources that are tests as a whole: named so, in a `tests` folder, or
/// declared as a module under `#[cfg(test)]`.
pub(crate) fn test_files(tree: &Tree) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut folders = Vec::new();
    for (path, file) in tree.below("", "rs") {
        if path.contains("/tests/")
            || path.ends_with("/tests.rs")
            || path.contains("/examples/")
            || path.contains("/benches/")
        {
            found.insert(path.to_owned());
        }
        let whole = Source::scan(file);
        for item in test_items(&whole.code) {
            let Some(module) = declared_module(&whole.code[item]) else {
                continue;
            };
            let (parent, name) = path.rsplit_once('/').unwrap_or(("", path));
            let folder = match name {
                "lib.rs" | "main.rs" | "mod.rs" => parent.to_owned(),
                _ => path.trim_end_matches(".rs").to_owned(),
            };
            found.insert(format!("{folder}/{module}.rs"));
            folders.push(format!("{folder}/{module}/"));
        }
    }
    let inside = tree.below("", "rs").filter(|(path, _)| folders.iter().any(|folder| path.starts_with(folder)));
    found.extend(inside.map(|(path, _)| path.to_owned()));
    found
}

/// `x` of an item that ends in `mod x;`.
fn declared_module(item: &str) -> Option<String> {
    let before = item.trim_end().strip_suffix(';')?;
    let mut all = words(before).map(|(_, word)| word).collect::<Vec<_>>();
    let name = all.pop()?;
    (all.pop()? == "mod").then(|| name.to_owned())
}

fn code_lines(text: &str) -> usize {
    text.lines().filter(|line| !line.trim().is_empty()).count()
}

fn blank(bytes: &mut [u8], range: Range<usize>) {
    for byte in &mut bytes[range] {
        if *byte != b'\n' {
            *byte = b' ';
        }
    }
}

/// The token that starts at `at`, one byte for ordinary code.
fn token(bytes: &[u8], at: usize) -> (Kind, usize) {
    let rest = &bytes[at..];
    let word_before = at > 0 && (bytes[at - 1].is_ascii_alphanumeric() || bytes[at - 1] == b'_');
    if rest.starts_with(b"//") {
        let end = rest.iter().position(|byte| *byte == b'\n').unwrap_or(rest.len());
        return (Kind::Comment, at + end);
    }
    if rest.starts_with(b"/*") {
        return (Kind::Comment, at + block_comment(rest));
    }
    if rest[0] == b'"' {
        return (Kind::Literal, at + quoted(rest, b'"'));
    }
    if !word_before && let Some(length) = raw_string(rest) {
        return (Kind::Literal, at + length);
    }
    if rest[0] == b'\''
        && let Some(length) = character(rest)
    {
        return (Kind::Literal, at + length);
    }
    (Kind::Code, at + 1)
}

fn block_comment(rest: &[u8]) -> usize {
    let mut depth = 0_usize;
    let mut at = 0;
    while at < rest.len() {
        if rest[at..].starts_with(b"/*") {
            depth += 1;
            at += 2;
        } else if rest[at..].starts_with(b"*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                return at;
            }
        } else {
            at += 1;
        }
    }
    rest.len()
}

fn quoted(rest: &[u8], quote: u8) -> usize {
    let mut at = 1;
    while at < rest.len() {
        match rest[at] {
            b'\\' => at += 2,
            byte if byte == quote => return at + 1,
            _ => at += 1,
        }
    }
    rest.len()
}

/// Length of `r"…"`, `r#"…"#` and their byte and C forms.
fn raw_string(rest: &[u8]) -> Option<usize> {
    let prefix = rest.iter().take_while(|byte| matches!(byte, b'r' | b'b' | b'c')).count();
    if prefix == 0 || prefix > 2 || rest[prefix - 1] != b'r' {
        return None;
    }
    let hashes = rest[prefix..].iter().take_while(|byte| **byte == b'#').count();
    let open = prefix + hashes;
    if rest.get(open) != Some(&b'"') {
        return None;
    }
    let close = [b"\"".as_slice(), &vec![b'#'; hashes]].concat();
    let body = &rest[open + 1..];
    let end = body.windows(close.len()).position(|window| window == close);
    Some(end.map_or(rest.len(), |end| open + 1 + end + close.len()))
}

/// Length of a character literal; none for a lifetime.
fn character(rest: &[u8]) -> Option<usize> {
    if rest.get(1) == Some(&b'\\') {
        return Some(quoted(rest, b'\''));
    }
    let width = match rest.get(1)? {
        byte if byte.is_ascii() => 1,
        byte if *byte >= 0xF0 => 4,
        byte if *byte >= 0xE0 => 3,
        _ => 2,
    };
    (rest.get(1 + width) == Some(&b'\'')).then_some(width + 2)
}

/// The ranges of items under `#[cfg(test)]` or `#[cfg(all(test, …))]`, and of test functions.
fn test_items(code: &str) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    let mut from = 0;
    while let Some(offset) = code[from..].find("#[cfg(") {
        let start = from + offset;
        let Some(close) = code[start..].find(']').map(|length| start + length + 1) else {
            break;
        };
        from = close;
        if words(&code[start..close]).any(|(_, word)| word == "not")
            || !words(&code[start..close]).any(|(_, word)| word == "test")
        {
            continue;
        }
        let end = item_end(code, close);
        found.push(start..end);
        from = end;
    }
    found
}

/// The end of the item that follows an attribute.
fn item_end(code: &str, after: usize) -> usize {
    let mut at = after;
    while let Some(more) = code[at..].trim_start().strip_prefix("#[") {
        let open = code.len() - more.len() - 1;
        at = matching(code, open, b'[', b']');
    }
    body_end(code, at).unwrap_or_else(|| code[at..].find([';', ',']).map_or(code.len(), |length| at + length + 1))
}

/// The end of the braces that open before the next bare `;`; none when there are none.
fn body_end(code: &str, from: usize) -> Option<usize> {
    let mut depth = 0_i32;
    for (offset, byte) in code.as_bytes()[from..].iter().enumerate() {
        match byte {
            b'(' | b'[' => depth += 1,
            b')' | b']' => depth -= 1,
            b';' if depth == 0 => return None,
            b'{' if depth == 0 => return Some(matching(code, from + offset, b'{', b'}')),
            _ => {}
        }
    }
    None
}

/// The offset behind the bracket that closes the one at `open`.
fn matching(code: &str, open: usize, left: u8, right: u8) -> usize {
    let mut depth = 0_i32;
    for (offset, byte) in code.as_bytes()[open..].iter().enumerate() {
        if *byte == left {
            depth += 1;
        } else if *byte == right {
            depth -= 1;
            if depth == 0 {
                return open + offset + 1;
            }
        }
    }
    code.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_and_strings_are_not_code() {
        let file = "let a = \"async // no\"; // async\nlet b = r#\"x \" async\"#; /* a /* b */ async */ let c = 'x'; let d: &'a str = '\\'';\n";
        let source = Source::scan(file);
        assert!(!source.code.contains("async"), "{}", source.code);
        assert!(source.text.contains("async // no"));
        assert!(!source.text.contains("b */ async"));
        assert!(source.code.contains("let d: &'a str"));
        assert_eq!(source.code.len(), file.len());
    }

    #[test]
    fn test_modules_are_cut_and_lines_kept() {
        let file =
            "fn a() {\n    b();\n}\n\n#[cfg(test)]\nmod tests {\n    fn c() {}\n}\n#[cfg(not(test))]\nfn d() {}\n";
        let source = Source::production(file);
        assert!(!source.code.contains("mod tests"));
        assert!(source.code.contains("fn d()"));
        assert_eq!(source.length(), 5);
        assert_eq!(source.code.lines().count(), file.lines().count());
    }

    #[test]
    fn functions_are_measured_from_signature_to_brace() {
        let file = "type F = fn(u8) -> u8;\n\nfn long(\n    a: [u8; 4],\n) {\n    // why\n\n    if a { b }\n}\ntrait T { fn none(&self); }\n";
        let found = Source::production(file).functions();
        assert_eq!(found, vec![Function { name: "long".into(), line: 3, length: 5 }]);
    }

    #[test]
    fn modules_declared_for_tests_are_test_files() {
        let tree = Tree::of(&[
            ("crates/a/src/lib.rs", "#[cfg(test)]\nmod stories;\nmod real;\n"),
            ("crates/a/src/stories.rs", ""),
            ("crates/a/src/stories/one.rs", ""),
            ("crates/a/src/real.rs", ""),
            ("crates/a/tests/it/main.rs", ""),
        ]);
        let found = test_files(&tree);
        assert!(found.contains("crates/a/src/stories.rs") && found.contains("crates/a/src/stories/one.rs"));
        assert!(found.contains("crates/a/tests/it/main.rs"));
        assert!(!found.contains("crates/a/src/real.rs"));
    }
}
