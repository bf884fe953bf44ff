//! The command line as documents: completions, manual pages, and docs/COMMANDS.md, all out of the declarations.

use std::fmt::Write as _;
use std::path::Path;

use clap::{Arg, Command, CommandFactory};

use super::{Cli, Failure};

/// Writes the script of a shell to standard output.
pub(super) fn completions(shell: clap_complete::Shell) -> Result<(), Failure> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "sala", &mut script);
    super::print_text(String::from_utf8_lossy(&script).trim_end())
}

/// Writes a manual page for each command.
pub(super) fn manual(folder: &Path) -> Result<(), Failure> {
    let command = Cli::command().disable_help_subcommand(true);
    clap_mangen::generate_to(command, folder).map_err(|error| Failure::new(format!("{}: {error}", folder.display())))
}

/// The reference of every command and option.
pub(super) fn markdown() -> String {
    let mut command = Cli::command().disable_help_subcommand(true);
    command.build();
    let mut text = String::from(
        "# Commands\n\nWritten out of the program by `sala reference`; `sala help COMMAND` says the same. An option can \
         also be set by the environment variable in brackets.\n\n## Everywhere\n\n",
    );
    for option in options(&command).filter(|option| option.is_global_set()) {
        line(&mut text, option);
    }
    for one in command.get_subcommands().filter(|one| !one.is_hide_set()) {
        describe(&mut text, one, "sala");
    }
    text.truncate(text.trim_end().len());
    text
}

/// One command with what is its own, and those below it.
fn describe(text: &mut String, command: &Command, above: &str) {
    let name = format!("{above} {}", command.get_name());
    let about = command.get_about().map(ToString::to_string).unwrap_or_default();
    // Writing to a String cannot fail.
    let _ = write!(text, "\n## {name}\n\n{about}.\n");
    let mut own = options(command).filter(|option| !option.is_global_set()).peekable();
    if own.peek().is_some() {
        text.push('\n');
    }
    own.for_each(|option| line(text, option));
    for one in command.get_subcommands().filter(|one| !one.is_hide_set() && one.get_name() != "help") {
        describe(text, one, &name);
    }
}

fn options(command: &Command) -> impl Iterator<Item = &Arg> {
    let named = |option: &&Arg| !matches!(option.get_id().as_str(), "help" | "version") && !option.is_hide_set();
    command.get_arguments().filter(named)
}

/// One option: its name, its value, its meaning, its default, its variable.
fn line(text: &mut String, option: &Arg) {
    let takes_value = option.get_action().takes_values();
    let value = option.get_value_names().and_then(|names| names.first()).map(ToString::to_string).unwrap_or_default();
    let name = match (option.get_long(), takes_value) {
        (Some(long), true) => format!("--{long} {value}"),
        (Some(long), false) => format!("--{long}"),
        (None, _) if option.is_required_set() => value,
        (None, _) => format!("[{value}]"),
    };
    let help = option.get_long_help().or_else(|| option.get_help()).map(ToString::to_string).unwrap_or_default();
    let help = help.split_whitespace().collect::<Vec<_>>().join(" ");
    let help = help.trim_end_matches('.');
    let _ = write!(text, "- `{name}`: {help}");
    let choices: Vec<String> = option.get_possible_values().iter().map(|choice| choice.get_name().to_owned()).collect();
    if takes_value && !choices.is_empty() {
        let _ = write!(text, "; one of {}", choices.join(", "));
    }
    let defaults: Vec<String> =
        option.get_default_values().iter().map(|value| value.to_string_lossy().into_owned()).collect();
    if takes_value && !defaults.is_empty() {
        let _ = write!(text, "; default `{}`", defaults.join(" "));
    }
    if let Some(variable) = option.get_env() {
        let _ = write!(text, " [`{}`]", variable.to_string_lossy());
    }
    text.push_str(".\n");
}
