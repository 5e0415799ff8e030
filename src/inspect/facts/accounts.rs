//! Who may log in as root, and whether a new password can be written. Never a hash.

use serde::{Deserialize, Serialize};

/// The accounts that the cloud will touch.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Accounts {
    /// Path of the file that holds passwords, where it is there: `/etc/shadow`, `/etc/master.passwd`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub file: String,
    /// Its permission bits.
    pub mode: u32,
    /// It, or the folder it is replaced in, has the immutable flag: the path.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub immutable: Option<String>,
    /// It, or the folder it is replaced in, has the append-only flag: the path.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub append_only: Option<String>,
    /// root's password; `None` where there is no such account.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub root: Option<Password>,
    /// What the password that the user gave for the image was found to be; `None` where none was given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub given: Option<Given>,
}

/// What is known of a password without knowing it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Password {
    /// Whether it lets anyone in.
    pub state: PasswordState,
    /// How it is hashed (`sha512`, `yescrypt`, `md5`, `des`, ...); empty where it is not, or by something unknown.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub scheme: String,
    /// It has to be changed at the next login.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub must_change: bool,
    /// The last day, counted from 1970-01-01, on which it need not be changed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub good_until: Option<u32>,
    /// The day, counted in the same way, from which on the account is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub account_ends: Option<u32>,
    /// `path:line`.
    #[serde(rename = "where")]
    pub place: String,
}

/// Whether a password lets anyone in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum PasswordState {
    /// Nobody: `!` or `*`, or what is no hash.
    Locked,
    /// Everybody: the field is empty.
    Empty,
    /// Who knows it.
    Set,
    /// Could not be found out.
    #[default]
    #[serde(other)]
    Unknown,
}

/// What a password that the user gave was found to be, by each policy that this program knows.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Given {
    /// What it lacks, by policy; a policy that it meets is there with an empty list.
    pub policies: Vec<Judgement>,
    /// Whether it is the image's own; `None` where that was not asked for, or could not be found out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub matches: Option<bool>,
    /// Why that could not be found out, though it was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub uncompared: Option<Uncompared>,
}

/// Why a password was not compared with a hash.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Uncompared {
    /// The hash asks for more work or memory than a comparison may cost.
    TooCostly,
    /// It is of a scheme that this version does not compute.
    Scheme,
    /// It is not as the scheme has it.
    Malformed,
    /// A word of a newer version.
    #[default]
    #[serde(other)]
    Other,
}

/// A password by one policy.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Judgement {
    /// The policy: `ThreeClasses`, `LetterDigitSpecial`.
    pub policy: String,
    /// What is wrong.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub breaks: Vec<Break>,
}

/// What is wrong with a password.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Break {
    /// Not 8 to 30 characters.
    Length,
    /// A character that is no letter, digit or listed special one.
    Character,
    /// Too few kinds of characters.
    Kinds,
    /// Letters of one case only, where the text can be read to want both.
    OneCase,
    /// `/` at its start.
    Slash,
    /// A word of a newer version.
    #[default]
    #[serde(other)]
    Other,
}
