//! The little of XML that firewalld's files hold: elements and their attributes.

use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};

/// Most elements of one file.
const MAX_ELEMENTS: usize = 2000;

/// One element.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Element {
    /// Its name.
    pub name: String,
    /// The names of those around it, the outermost first.
    pub within: Vec<String>,
    /// Its attributes.
    pub attributes: Vec<(String, String)>,
    /// Its line, from 1.
    pub line: usize,
}

impl Element {
    /// The value of an attribute; empty where there is none.
    pub fn attribute(&self, name: &str) -> &str {
        self.attributes.iter().find(|(key, _)| key == name).map_or("", |(_, value)| value.as_str())
    }
}

/// All elements in order; `None` where the text is not XML. No entity but XML's own five is resolved.
pub fn elements(text: &str) -> Option<Vec<Element>> {
    let mut reader = Reader::from_str(text);
    let mut found = Vec::new();
    let mut open: Vec<String> = Vec::new();
    let (mut line, mut counted) = (1_usize, 0_usize);
    loop {
        let at = usize::try_from(reader.buffer_position()).ok()?;
        line = line.saturating_add(text.get(counted..at)?.matches('\n').count());
        counted = at;
        match reader.read_event().ok()? {
            Event::Start(tag) => {
                let element = element(&tag, &open, line)?;
                open.push(element.name.clone());
                found.push(element);
            }
            Event::Empty(tag) => found.push(element(&tag, &open, line)?),
            Event::End(_) => drop(open.pop()),
            Event::Eof => return open.is_empty().then_some(found),
            _ => {}
        }
        if found.len() > MAX_ELEMENTS || open.len() > 32 {
            return None;
        }
    }
}

fn element(tag: &BytesStart, open: &[String], line: usize) -> Option<Element> {
    let mut attributes = Vec::new();
    for attribute in tag.attributes() {
        let attribute = attribute.ok()?;
        let key = String::from_utf8_lossy(attribute.key.as_ref()).into_owned();
        let value = String::from_utf8_lossy(&attribute.value).into_owned();
        attributes.push((key, value));
    }
    let name = String::from_utf8_lossy(tag.name().as_ref()).into_owned();
    Some(Element { name, within: open.to_vec(), attributes, line })
}
