//! What a process does.
//!
//! For: `--roles`, read once.
//! May not know: how a role is carried out.

use std::fmt;

/// Which parts a process runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Roles {
    /// Hears devices, and tells them how far help is.
    pub(crate) ingest: bool,
    /// Opens incidents, offers them, keeps deadlines.
    pub(crate) dispatcher: bool,
    /// Serves people.
    pub(crate) console: bool,
}

impl Roles {
    /// Everything in one process.
    pub(crate) const ALL: Roles = Roles {
        ingest: true,
        dispatcher: true,
        console: true,
    };

    /// The roles named, or what is wrong with them.
    pub(crate) fn read<'a>(words: impl IntoIterator<Item = &'a str>) -> Result<Roles, String> {
        let mut roles = Roles {
            ingest: false,
            dispatcher: false,
            console: false,
        };
        for word in words {
            match word.trim() {
                "ingest" => roles.ingest = true,
                "dispatcher" => roles.dispatcher = true,
                "console" => roles.console = true,
                unknown => {
                    return Err(format!(
                        "there is no role \"{unknown}\"; the roles are ingest, dispatcher, console"
                    ));
                }
            }
        }
        if !(roles.ingest || roles.dispatcher || roles.console) {
            return Err("roles names none; the roles are ingest, dispatcher, console".to_owned());
        }
        Ok(roles)
    }

    /// Each by its name.
    pub(crate) fn names(self) -> Vec<&'static str> {
        let all = [
            (self.ingest, "ingest"),
            (self.dispatcher, "dispatcher"),
            (self.console, "console"),
        ];
        let held = all.into_iter().filter(|(held, _)| *held);
        held.map(|(_, name)| name).collect()
    }
}

impl fmt::Display for Roles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.names().join(","))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_subset_is_taken_and_what_is_no_role_is_named() {
        assert_eq!(
            Roles::read(["ingest", " dispatcher", "console"]),
            Ok(Roles::ALL)
        );
        let one = Roles::read(["console"]).unwrap();
        assert_eq!(one.to_string(), "console");
        assert!(Roles::read(["cook"]).unwrap_err().contains("cook"));
        assert!(Roles::read([]).is_err());
    }
}
