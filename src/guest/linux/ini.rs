//! Files of sections: GLib's key files and systemd's own, units among them.

use std::collections::BTreeSet;

/// Most settings of one file that are kept.
const MAX_SETTINGS: usize = 4096;

/// One `key=value`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setting {
    /// The section it stands in; empty before the first one.
    pub section: String,
    /// The key.
    pub key: String,
    /// The value, white space around it left out.
    pub value: String,
    /// Line, from 1.
    pub line: u32,
}

/// A file of sections.
#[derive(Debug, Clone, Default)]
pub struct Ini {
    /// Every setting in order.
    pub settings: Vec<Setting>,
    /// The sections, those without a setting too.
    sections: BTreeSet<String>,
}

impl Ini {
    /// Takes the settings of `text` after those that are there.
    ///
    /// `#` and `;` begin comments; a backslash at the end goes on in the next line (systemd.syntax(7); GLib has no such
    /// lines, and no file of NetworkManager ends one so).
    pub fn add(&mut self, text: &str) {
        let mut section = String::new();
        let mut open: Option<(String, u32)> = None;
        for (line, number) in text.lines().zip(1_u32..) {
            let line = line.trim();
            if line.starts_with(['#', ';']) || (line.is_empty() && open.is_none()) {
                continue;
            }
            let (start, number) = open.take().unwrap_or((String::new(), number));
            if let Some(part) = line.strip_suffix('\\') {
                open = Some((format!("{start}{part} "), number));
                continue;
            }
            let line = format!("{start}{line}");
            if let Some(name) = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
                name.clone_into(&mut section);
                if self.sections.len() < MAX_SETTINGS {
                    self.sections.insert(section.clone());
                }
            } else if let Some((key, value)) = line.split_once('=')
                && self.settings.len() < MAX_SETTINGS
            {
                self.settings.push(Setting {
                    section: section.clone(),
                    key: key.trim().to_owned(),
                    value: value.trim().to_owned(),
                    line: number,
                });
            }
        }
    }

    /// Of a text.
    pub fn of(text: &str) -> Self {
        let mut ini = Self::default();
        ini.add(text);
        ini
    }

    /// Whether there is any of `sections`, be it empty.
    pub fn has(&self, sections: &[&str]) -> bool {
        sections.iter().any(|name| self.sections.contains(*name))
    }

    /// The last value of a key in any of `sections`; empty where there is none.
    pub fn last(&self, sections: &[&str], key: &str) -> &str {
        self.setting(sections, key).map(|s| s.value.as_str()).unwrap_or_default()
    }

    /// The last setting of a key in any of `sections`.
    pub fn setting(&self, sections: &[&str], key: &str) -> Option<&Setting> {
        self.settings.iter().rev().find(|s| s.key == key && sections.contains(&s.section.as_str()))
    }

    /// Every value of a key in any of `sections`; an empty one takes back those before it (systemd.syntax(7)).
    pub fn all(&self, sections: &[&str], key: &str) -> Vec<&str> {
        let mut values = Vec::new();
        for setting in self.settings.iter().filter(|s| s.key == key && sections.contains(&s.section.as_str())) {
            if setting.value.is_empty() { values.clear() } else { values.push(setting.value.as_str()) }
        }
        values
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_are_found_by_section_and_key() {
        let ini = Ini::of(
            "stray=1\n[Match]\n# no\n; nor this\nName = en* \\\n  eth0\n\n[Network]\nDHCP=no\nDHCP=yes\nAddress=a\nAddress=\nAddress=b\n",
        );
        assert_eq!(ini.last(&["Match"], "Name"), "en*  eth0");
        assert_eq!(ini.setting(&["Match"], "Name").unwrap().line, 5);
        assert_eq!(ini.last(&["Network"], "DHCP"), "yes");
        assert_eq!(ini.all(&["Network"], "Address"), ["b"]);
        assert_eq!(ini.last(&["Link"], "DHCP"), "");
        assert!(ini.has(&["Match"]) && Ini::of("[Empty]\n").has(&["Link", "Empty"]) && !ini.has(&["Link"]));
    }
}
