//! The settings file: what may be written in it, and every fault of one, with its line and what to write instead.
//!
//! For: TOML in, entries of the right shape out; somebody who mends a file at night is told all of it at once.
//! May not know: which values make sense together, what flags and environment say; that is `settings`'.

use crate::notarize::NotarySettings;
use std::{net::IpAddr, ops::Range, path::PathBuf};
use toml::{
    Spanned,
    de::{DeTable, DeValue, Error},
};

/// Faults told of one file; whoever has more has the wrong file.
const FAULTS_TOLD: usize = 20;

/// Letters in which a name may differ from ours and still be taken for it.
const SLIPS: usize = 3;

/// The settings file, every entry optional.
#[derive(Debug, Clone, Default)]
pub(crate) struct File {
    pub(crate) data: Option<PathBuf>,
    pub(crate) database_url: Option<String>,
    pub(crate) allow_unsafe_database: bool,
    pub(crate) console_listen: Option<String>,
    pub(crate) devices_listen: Option<String>,
    pub(crate) ops_listen: Option<String>,
    pub(crate) roles: Option<Vec<String>>,
    pub(crate) node: Option<String>,
    pub(crate) dc09_listen: Option<String>,
    pub(crate) eventstore_listen: Option<String>,
    pub(crate) eventstore_prefix: Option<String>,
    pub(crate) eventstore_advertised: Option<String>,
    pub(crate) eventstore_certificate: Option<PathBuf>,
    pub(crate) eventstore_certificate_key: Option<PathBuf>,
    pub(crate) public_url: Option<String>,
    pub(crate) policy: Option<PathBuf>,
    pub(crate) master_key: Option<PathBuf>,
    pub(crate) duty_phone: Option<String>,
    pub(crate) heartbeat_s: Option<u32>,
    pub(crate) trusted_proxies: Vec<IpAddr>,
    pub(crate) panel_poll_s: Option<u32>,
    pub(crate) webhooks: Webhooks,
    pub(crate) notary: NotarySettings,
}

/// Where duty phones, messages and work chats are rung, and the secret the calls are signed with.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Webhooks {
    pub(crate) duty_phone: Option<String>,
    pub(crate) sms: Option<String>,
    pub(crate) work_chat: Option<String>,
    pub(crate) secret: Option<String>,
}

impl File {
    /// The file's entries, or every fault found in it, at most [`FAULTS_TOLD`], in the file's order.
    pub(crate) fn read(text: &str) -> Result<File, Vec<String>> {
        let (document, errors) = DeTable::parse_recoverable(text);
        let mut faults: Vec<Fault> = errors.iter().map(|error| syntax(text, error)).collect();
        let mut top = Section::new(text, String::new(), document.into_inner(), &mut faults);
        let mut file = File {
            data: top.path("data"),
            database_url: top.text("database_url"),
            allow_unsafe_database: top.yes("allow_unsafe_database"),
            console_listen: top.text("console_listen"),
            devices_listen: top.text("devices_listen"),
            ops_listen: top.text("ops_listen"),
            roles: top.texts("roles"),
            node: top.text("node"),
            dc09_listen: top.text("dc09_listen"),
            eventstore_listen: top.text("eventstore_listen"),
            eventstore_prefix: top.text("eventstore_prefix"),
            eventstore_advertised: top.text("eventstore_advertised"),
            eventstore_certificate: top.path("eventstore_certificate"),
            eventstore_certificate_key: top.path("eventstore_certificate_key"),
            public_url: top.text("public_url"),
            policy: top.path("policy"),
            master_key: top.path("master_key"),
            duty_phone: top.text("duty_phone"),
            heartbeat_s: top.number("heartbeat_s"),
            trusted_proxies: top.addresses("trusted_proxies"),
            panel_poll_s: top.number("panel_poll_s"),
            ..File::default()
        };
        if let Some(mut webhooks) = top.section("webhooks") {
            file.webhooks = Webhooks {
                duty_phone: webhooks.text("duty_phone"),
                sms: webhooks.text("sms"),
                work_chat: webhooks.text("work_chat"),
                secret: webhooks.text("secret"),
            };
            webhooks.end();
        }
        if let Some(mut notary) = top.section("notary") {
            file.notary = NotarySettings {
                key: notary.path("key"),
                file: notary.path("file"),
                webhook: notary.text("webhook"),
                publish_every_s: notary.number("publish_every_s").map(u64::from),
            };
            notary.end();
        }
        top.end();
        if faults.is_empty() {
            return Ok(file);
        }
        faults.sort_by_key(|fault| fault.line);
        faults.dedup_by_key(|fault| fault.line);
        let more = faults.len().saturating_sub(FAULTS_TOLD);
        faults.truncate(FAULTS_TOLD);
        let mut told: Vec<String> = faults.iter().map(Fault::told).collect();
        if more > 0 {
            told.push(format!("and {more} more"));
        }
        Err(told)
    }
}

/// What is wrong in a file, and where.
pub(crate) struct Fault {
    /// Counted from 1.
    line: usize,
    says: String,
}

impl Fault {
    pub(crate) fn told(&self) -> String {
        format!("line {}: {}", self.line, self.says)
    }
}

/// A line that is no TOML, in our words; the parser's own stand behind.
pub(crate) fn syntax(text: &str, error: &Error) -> Fault {
    let span = error.span().unwrap_or_default();
    let line = line_of(text, span.start);
    let written = about(text.lines().nth(line - 1).unwrap_or_default());
    let message = error.message().lines().next().unwrap_or_default();
    let says = format!(
        "{written} cannot be read ({message}); write name = value, texts in \"quotes\", and each name once"
    );
    Fault { line, says }
}

/// The text of a file, or its first line that is not UTF-8.
pub(crate) fn utf8(bytes: Vec<u8>) -> Result<String, Fault> {
    String::from_utf8(bytes).map_err(|error| {
        let good = &error.as_bytes()[..error.utf8_error().valid_up_to()];
        Fault {
            line: 1 + good.iter().filter(|byte| **byte == b'\n').count(),
            says: "this line is not UTF-8; save the file as UTF-8".to_owned(),
        }
    })
}

/// What a line is about, if it begins with a name. Anything else in a line that does not read may be a secret: the value
/// of an entry written with a colon, without a sign between, or broken over two lines.
fn about(line: &str) -> String {
    let name = line.find(['=', ':']).map(|end| line[..end].trim());
    let plain = |it: char| it.is_ascii_alphanumeric() || matches!(it, '_' | '-' | '.');
    let name = name.filter(|it| !it.is_empty() && it.chars().all(plain));
    name.map_or_else(|| "this line".to_owned(), shown)
}

fn line_of(text: &str, at: usize) -> usize {
    let before = text.as_bytes().get(..at).unwrap_or(text.as_bytes());
    before.iter().filter(|byte| **byte == b'\n').count() + 1
}

/// Something of the file's in a message. What stands behind a `=` may be a secret and is left out.
fn shown(written: &str) -> String {
    let name = written.split('=').next().unwrap_or_default().trim();
    let short: String = name.chars().take(40).collect();
    format!("\"{short}\"")
}

/// One table of the file, its entries taken out one by one.
struct Section<'a, 'i> {
    text: &'a str,
    /// Before an entry's name, e.g. `webhooks.`.
    prefix: String,
    table: DeTable<'i>,
    known: Vec<&'static str>,
    faults: &'a mut Vec<Fault>,
}

impl<'i> Section<'_, 'i> {
    fn new<'a>(
        text: &'a str,
        prefix: String,
        table: DeTable<'i>,
        faults: &'a mut Vec<Fault>,
    ) -> Section<'a, 'i> {
        let known = Vec::new();
        Section {
            text,
            prefix,
            table,
            known,
            faults,
        }
    }

    fn take(&mut self, name: &'static str) -> Option<Spanned<DeValue<'i>>> {
        self.known.push(name);
        self.table.remove(name)
    }

    fn fault(&mut self, span: Range<usize>, says: String) {
        let line = line_of(self.text, span.start);
        self.faults.push(Fault { line, says });
    }

    /// Takes an entry through `read`; what does not fit is told with an example.
    fn entry<T>(
        &mut self,
        name: &'static str,
        wanted: &str,
        read: impl FnOnce(&DeValue<'i>) -> Option<T>,
    ) -> Option<T> {
        let value = self.take(name)?;
        let found = read(value.get_ref());
        if found.is_none() {
            let says = format!("{}{name} must be {wanted}", self.prefix);
            self.fault(value.span(), says);
        }
        found
    }

    fn text(&mut self, name: &'static str) -> Option<String> {
        let wanted = format!("a text in quotes: {name} = \"…\"");
        self.entry(name, &wanted, |it| it.as_str().map(str::to_owned))
    }

    fn path(&mut self, name: &'static str) -> Option<PathBuf> {
        let wanted = format!("a file or folder in quotes: {name} = \"…\"");
        self.entry(name, &wanted, |it| it.as_str().map(PathBuf::from))
    }

    fn yes(&mut self, name: &'static str) -> bool {
        let yes = self.entry(name, "true or false, without quotes", DeValue::as_bool);
        yes.unwrap_or_default()
    }

    fn number(&mut self, name: &'static str) -> Option<u32> {
        let wanted = format!(
            "a whole number without quotes, at most {}: {name} = 600",
            u32::MAX
        );
        self.entry(name, &wanted, |it| {
            let number = it.as_integer()?;
            u32::from_str_radix(number.as_str(), number.radix()).ok()
        })
    }

    fn texts(&mut self, name: &'static str) -> Option<Vec<String>> {
        let wanted = format!("a list of texts: {name} = [\"…\", \"…\"]");
        self.entry(name, &wanted, |it| {
            let items = it.as_array()?.iter();
            items
                .map(|item| item.get_ref().as_str().map(str::to_owned))
                .collect()
        })
    }

    fn addresses(&mut self, name: &'static str) -> Vec<IpAddr> {
        let wanted = format!("a list of IP addresses, without ports: {name} = [\"10.0.0.5\"]");
        let found = self.entry(name, &wanted, |it| {
            let items = it.as_array()?.iter();
            items
                .map(|item| item.get_ref().as_str()?.parse().ok())
                .collect()
        });
        found.unwrap_or_default()
    }

    fn section(&mut self, name: &'static str) -> Option<Section<'_, 'i>> {
        let value = self.take(name)?;
        let span = value.span();
        match value.into_inner() {
            DeValue::Table(table) => Some(Section::new(
                self.text,
                format!("{name}."),
                table,
                self.faults,
            )),
            _ => {
                let says = format!(
                    "{name} is a section; write [{name}] on a line of its own and its entries below"
                );
                self.fault(span, says);
                None
            }
        }
    }

    /// What is left is not ours.
    fn end(mut self) {
        for (name, _) in std::mem::take(&mut self.table) {
            let meant = nearest(name.get_ref(), &self.known);
            let meant = match meant {
                Some(meant) => format!("perhaps {meant} is meant"),
                None => format!("known are {}", self.known.join(", ")),
            };
            let unknown = format!("{}{}", self.prefix, name.get_ref());
            let says = format!("{} is not a setting; {meant}", shown(&unknown));
            self.fault(name.span(), says);
        }
    }
}

/// The known name that differs least, if only by a slip.
fn nearest(name: &str, known: &[&'static str]) -> Option<&'static str> {
    let distances = known.iter().map(|it| (distance(name, it), *it));
    let (far, nearest) = distances.min()?;
    (far <= SLIPS).then_some(nearest)
}

/// Letters put in, left out or changed between two words (Levenshtein's distance).
fn distance(one: &str, other: &str) -> usize {
    let other: Vec<char> = other.chars().collect();
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (i, a) in one.chars().take(64).enumerate() {
        let mut before = std::mem::replace(&mut row[0], i + 1);
        for (j, b) in other.iter().enumerate() {
            let changed = before + usize::from(a != *b);
            before = row[j + 1];
            row[j + 1] = changed.min(before + 1).min(row[j] + 1);
        }
    }
    row[other.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn faults(text: &str) -> Vec<String> {
        File::read(text).unwrap_err()
    }

    #[test]
    fn every_entry_of_the_example_is_read() {
        let text = "data = \"d\"\nallow_unsafe_database = true\nroles = [\"ingest\"]\nheartbeat_s = 600\ntrusted_proxies = [\"10.0.0.5\", \"::1\"]\n[webhooks]\nsecret = \"s\"\n[notary]\npublish_every_s = 0x10\n";
        let file = File::read(text).unwrap();
        assert_eq!(file.data, Some(PathBuf::from("d")));
        assert!(file.allow_unsafe_database);
        assert_eq!(file.roles, Some(vec!["ingest".to_owned()]));
        assert_eq!(file.heartbeat_s, Some(600));
        assert_eq!(file.trusted_proxies.len(), 2);
        assert_eq!(file.webhooks.secret.as_deref(), Some("s"));
        assert_eq!(file.notary.publish_every_s, Some(16));
    }

    #[test]
    fn every_fault_is_told_with_its_line_and_what_to_write() {
        let text = "data = 3\nconsol_listen = \"127.0.0.1:1\"\nheartbeat_s = \"often\"\nroles = \"ingest\"\ntrusted_proxies = [\"proxy.example\"]\nnotary = 1\n[webhooks]\nsecrets = \"x\"\nsms = true\n";
        let told = faults(text);
        let wanted = [
            "line 1: data must be a file or folder in quotes",
            "line 2: \"consol_listen\" is not a setting; perhaps console_listen is meant",
            "line 3: heartbeat_s must be a whole number",
            "line 4: roles must be a list of texts",
            "line 5: trusted_proxies must be a list of IP addresses",
            "line 6: notary is a section",
            "line 8: \"webhooks.secrets\" is not a setting; perhaps secret is meant",
            "line 9: webhooks.sms must be a text in quotes",
        ];
        assert_eq!(told.len(), wanted.len(), "{told:#?}");
        for (told, wanted) in told.iter().zip(wanted) {
            assert!(told.starts_with(wanted), "{told}");
        }
    }

    #[test]
    fn lines_that_are_no_toml_are_told_one_by_one_and_keep_their_secrets() {
        let told =
            faults("console_listen = \nheartbeat_s = 5 five\n[webhooks]\nsecret = hush-hush\n");
        assert_eq!(told.len(), 3, "{told:#?}");
        assert!(told[0].starts_with("line 1: \"console_listen\" cannot be read"));
        assert!(told[2].starts_with("line 4: \"secret\" cannot be read"));
        assert!(!told.concat().contains("hush"), "{told:#?}");
    }

    /// Each was once told with the secret in it.
    #[test]
    fn a_secret_is_not_told_however_its_line_is_broken() {
        for (text, wanted) in [
            (
                "secret: \"hush-hush\"\n",
                "line 1: \"secret\" cannot be read",
            ),
            ("secret \"hush-hush\"\n", "line 1: this line cannot be read"),
            (
                "secret =\n\"hush-hush\"\n",
                "line 2: this line cannot be read",
            ),
            ("secret = \"\nhush\"\n", "line 2: this line cannot be read"),
        ] {
            let told = faults(text);
            assert!(told.iter().any(|it| it.starts_with(wanted)), "{told:#?}");
            assert!(!told.concat().contains("hush"), "{told:#?}");
        }
    }

    #[test]
    fn a_file_in_another_encoding_is_told_with_its_line() {
        let gbk = b"duty_phone = \"1\"\n# \xd6\xb5\xb0\xe0\n".to_vec();
        let fault = utf8(gbk).map_err(|fault| fault.told()).unwrap_err();
        assert!(fault.starts_with("line 2: "), "{fault}");
        assert_eq!(utf8(b"a".to_vec()).ok().as_deref(), Some("a"));
    }

    #[test]
    fn the_wrong_file_is_not_told_line_by_line() {
        let text: String = (0..100).map(|n| format!("x{n} = 1\n")).collect();
        let told = faults(&text);
        assert_eq!(told.len(), FAULTS_TOLD + 1);
        assert_eq!(told[FAULTS_TOLD], "and 80 more");
    }
}
