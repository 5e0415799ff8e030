//! GRUB's `test` (GRUB manual, "test"), with a third answer for what is not known.

use super::run::{Runner, Status};
use super::state::{Arg, State};
use crate::disk::Result;
use crate::disk::filesystem::NodeKind;
use crate::guest::linux::optional;

/// Evaluates the words between the brackets.
///
/// # Errors
/// What reading the guest's files reports.
pub fn evaluate(runner: &Runner, args: &[Arg], state: &State) -> Result<Status> {
    let mut rest = args;
    let mut any = Some(false);
    let mut all = Some(true);
    if args.is_empty() {
        return Ok(Some(false));
    }
    while !rest.is_empty() {
        let mut negate = false;
        while word(rest, 0) == Some("!") && rest.len() > 1 {
            negate = !negate;
            rest = rest.get(1..).unwrap_or_default();
        }
        let (value, used) = primary(runner, rest, state)?;
        let value = if negate { value.map(|v| !v) } else { value };
        all = and(all, value);
        rest = rest.get(used..).unwrap_or_default();
        match word(rest, 0) {
            Some("-o") => {
                any = or(any, all);
                all = Some(true);
            }
            Some("-a") => {}
            None if rest.is_empty() => break,
            _ => return Ok(None),
        }
        rest = rest.get(1..).unwrap_or_default();
    }
    Ok(or(any, all))
}

/// One comparison, and how many words it took.
fn primary(runner: &Runner, args: &[Arg], state: &State) -> Result<(Status, usize)> {
    if let (Some(left), Some(operator), Some(right)) = (args.first(), word(args, 1), args.get(2))
        && let Some(answer) = compare(left, operator, right)
    {
        return Ok((answer, 3));
    }
    if let (Some(operator), Some(operand)) = (word(args, 0), args.get(1)) {
        match operator {
            "-z" => return Ok((is_empty(operand), 2)),
            "-n" => return Ok((is_empty(operand).map(|empty| !empty), 2)),
            "-d" | "-e" | "-f" | "-s" => return Ok((file(runner, operator, operand, state)?, 2)),
            "(" | ")" => return Ok((None, args.len())),
            _ => {}
        }
    }
    Ok((args.first().and_then(is_empty).map(|empty| !empty), 1))
}

/// `None` where the word in the middle is no operator.
fn compare(left: &Arg, operator: &str, right: &Arg) -> Option<Status> {
    let numbers = || {
        let number = |arg: &Arg| arg.value().map(|text| text.trim().parse::<i64>().unwrap_or(0));
        Some((number(left)?, number(right)?))
    };
    let texts = || Some((left.value()?, right.value()?));
    Some(match operator {
        "=" | "==" => texts().map(|(a, b)| a == b),
        "!=" => texts().map(|(a, b)| a != b),
        "<" => texts().map(|(a, b)| a < b),
        ">" => texts().map(|(a, b)| a > b),
        "<=" => texts().map(|(a, b)| a <= b),
        ">=" => texts().map(|(a, b)| a >= b),
        "-eq" => numbers().map(|(a, b)| a == b),
        "-ne" => numbers().map(|(a, b)| a != b),
        "-lt" => numbers().map(|(a, b)| a < b),
        "-le" => numbers().map(|(a, b)| a <= b),
        "-gt" => numbers().map(|(a, b)| a > b),
        "-ge" => numbers().map(|(a, b)| a >= b),
        "-nt" | "-ot" | "-pgt" | "-plt" => None,
        _ => return None,
    })
}

fn is_empty(arg: &Arg) -> Status {
    match arg.whole {
        true => Some(arg.text.is_empty()),
        // A beginning that is known is enough to be something.
        false if !arg.text.is_empty() => Some(false),
        false => None,
    }
}

fn file(runner: &Runner, operator: &str, operand: &Arg, state: &State) -> Result<Status> {
    let root = state.get("root");
    let (Some(path), Some(root)) = (operand.value(), root.value()) else { return Ok(None) };
    let Some(path) = runner.places.file(path, root) else { return Ok(None) };
    let stat = optional(runner.places.system.tree.stat(&path))?;
    Ok(Some(stat.is_some_and(|stat| match operator {
        "-d" => stat.kind == NodeKind::Directory,
        "-f" => stat.kind == NodeKind::File,
        "-s" => stat.size > 0,
        _ => true,
    })))
}

fn word(args: &[Arg], at: usize) -> Option<&str> {
    args.get(at)?.value()
}

fn and(a: Status, b: Status) -> Status {
    match (a, b) {
        (Some(false), _) | (_, Some(false)) => Some(false),
        (Some(true), Some(true)) => Some(true),
        _ => None,
    }
}

fn or(a: Status, b: Status) -> Status {
    and(a.map(|v| !v), b.map(|v| !v)).map(|v| !v)
}
