//! Words and blocks of nft's language (nft(8), "Lexical conventions").

/// A word, a string without its quotes, or a sign.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token {
    /// Its text.
    pub text: String,
    /// `path:line`.
    pub place: String,
}

/// One statement. Braces that begin a block of statements end it; those of a set are part of its words.
#[derive(Debug, Clone, Default)]
pub struct Statement {
    /// Its words.
    pub head: Vec<Token>,
    /// The statements in its block.
    pub block: Vec<Statement>,
}

impl Statement {
    /// Where it begins.
    pub fn place(&self) -> String {
        self.head.first().map(|token| token.place.clone()).unwrap_or_default()
    }

    /// The words of a block that is a set after all.
    pub fn tokens_of_block(&self) -> Vec<Token> {
        self.block.iter().flat_map(|inner| inner.head.clone()).collect()
    }
}

/// Words whose braces hold statements.
const BLOCKS: &[&str] = &["table", "chain"];
/// And those in a table whose braces are passed over.
const OBJECTS: &[&str] = &["set", "map", "counter", "quota", "limit", "flowtable", "secmark", "synproxy"];
/// Signs that are words of their own.
const SIGNS: &[char] = &['{', '}', ',', '=', '!', '<', '>', '(', ')', '&', '|'];

/// The words of a file. A line's end is the sign `;`, unless a backslash stands before it.
pub fn tokens(text: &str, file: &str) -> Vec<Token> {
    let mut found = Vec::new();
    for (line, number) in text.lines().zip(1_u32..) {
        let place = format!("{file}:{number}");
        let mut push = |text: String| found.push(Token { text, place: place.clone() });
        let mut word = String::new();
        let mut chars = line.chars().peekable();
        let mut continued = false;
        while let Some(c) = chars.next() {
            let ends = c.is_whitespace() || matches!(c, '#' | '"' | ';' | '\\') || SIGNS.contains(&c);
            if ends && !word.is_empty() {
                push(std::mem::take(&mut word));
            }
            match c {
                '#' => break,
                '"' => push(chars.by_ref().take_while(|c| *c != '"').collect()),
                '\\' => continued = chars.peek().is_none(),
                ';' => push(";".to_owned()),
                '!' | '=' | '<' | '>' if chars.peek() == Some(&'=') => {
                    chars.next();
                    push(format!("{c}="));
                }
                c if SIGNS.contains(&c) => push(c.to_string()),
                c if c.is_whitespace() => {}
                c => word.push(c),
            }
        }
        if !word.is_empty() {
            push(word);
        }
        if !continued {
            push(";".to_owned());
        }
    }
    found
}

/// Statements, with blocks of tables and chains in them.
pub fn statements(tokens: Vec<Token>) -> Vec<Statement> {
    // The statements of the blocks that are open, the outermost first, each with the statement that opened it.
    let mut open: Vec<(Statement, Vec<Statement>)> = Vec::new();
    let mut done: Vec<Statement> = Vec::new();
    let mut here = Statement::default();
    // Braces of a set within a statement.
    let mut set = 0_usize;
    for token in tokens {
        let text = token.text.as_str();
        let verb = here.head.first().is_some_and(|t| matches!(t.text.as_str(), "add" | "create"));
        let kind = here.head.get(usize::from(verb)).map_or("", |t| t.text.as_str());
        let is_object = OBJECTS.contains(&kind) || kind == "ct" && open.len() == 1;
        match text {
            "{" if set == 0 && BLOCKS.contains(&kind) && open.len() < 4 => {
                open.push((std::mem::take(&mut here), std::mem::take(&mut done)));
            }
            "{" => {
                set = set.saturating_add(1);
                here.head.push(token);
            }
            "}" if set > 0 => {
                set = set.saturating_sub(1);
                here.head.push(token);
                if set == 0 && is_object && open.len() == 1 {
                    done.push(std::mem::take(&mut here));
                }
            }
            "}" => {
                done.push(std::mem::take(&mut here));
                if let Some((mut opened, outer)) = open.pop() {
                    opened.block = std::mem::replace(&mut done, outer);
                    done.push(opened);
                }
            }
            ";" if set == 0 => done.push(std::mem::take(&mut here)),
            ";" => {}
            _ => here.head.push(token),
        }
        done.pop_if(|last| last.head.is_empty() && last.block.is_empty());
    }
    done.push(here);
    // A block that is never closed: what it was is said by its first word, which nothing reads alone.
    done.extend(open.into_iter().map(|(mut opened, _)| {
        opened.head.truncate(0);
        opened.head.push(Token { text: "unclosed".to_owned(), place: String::new() });
        opened
    }));
    done.retain(|statement| !statement.head.is_empty());
    done
}
