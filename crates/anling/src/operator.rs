//! `anling operator add`, through the running process when there is one.
//!
//! For: accounts made from the command line; the admin socket's one handler.
//! May not know: how accounts are stored; `directory` writes them.

use crate::{
    cli::OperatorAdd,
    failure::{Doing, Failure},
    folder::{Folder, Found, Purpose},
    ground::{self, Ground},
    key, resident,
    settings::{Given, Settings},
};
use casebook::Casebook;
use directory::{Account, City, Registrar};
use domain::{
    Actor, DistrictId, OperatorId, SiteId,
    operator::{Role, Scope},
};
use eventlog::admin::{self, AdminError, AdminHandler, AdminReply, AdminRequest};
use serde::{Deserialize, Serialize};
use std::{io::IsTerminal, sync::Arc};

/// Shortest password taken, in characters (NIST SP 800-63B, section 5.1.1: eight at least; ours are worth more).
const PASSWORD_LENGTH_MIN: usize = 10;

/// What is asked of the running process.
#[derive(Debug, Serialize, Deserialize)]
struct Wanted {
    operator: OperatorId,
    name: String,
    post: String,
    role: Role,
    scope: Scope,
    /// An argon2id PHC string; the password itself does not leave this process.
    password: String,
}

/// Adds the account.
pub(crate) async fn add(args: OperatorAdd) -> Result<(), Failure> {
    let wanted = wanted(&args)?;
    let reach = match &wanted.scope {
        Scope::Site(site) => format!("网点 site {site}"),
        Scope::District(district) => format!("区 district {district}"),
        Scope::City => "全市 the whole city".to_owned(),
    };
    let settings = Settings::load(&Given {
        store: args.store.clone(),
        ..Given::default()
    })?;
    // Several may write to a shared log: nobody need be asked, and nobody need be running.
    if settings.database.is_some() {
        beside(&settings, wanted).await?;
        println!("已添加 / added: {} · {reach}", args.operator);
        return Ok(());
    }
    let request = AdminRequest {
        command: "operator_add".to_owned(),
        args: serde_json::to_value(&wanted).expect("an account is plain data"),
    };
    match admin::call(&settings.data, &request).await {
        Ok(AdminReply::Ok(_)) => {}
        Ok(AdminReply::Error(text)) => return Err(Failure::new(text)),
        Err(AdminError::NotRunning { .. }) => alone(&settings, wanted).await?,
        Err(error) => return Err(Failure::new(error)),
    }
    println!("已添加 / added: {} · {reach}", args.operator);
    Ok(())
}

async fn beside(settings: &Settings, wanted: Wanted) -> Result<(), Failure> {
    let Some(database) = &settings.database else {
        return Ok(());
    };
    let log = ground::open_shared(database).await?;
    let book = ground::book(&log, settings).await?;
    let added = enrol(&book, wanted).await;
    log.close().await;
    added.map_err(Failure::new)
}

async fn alone(settings: &Settings, wanted: Wanted) -> Result<(), Failure> {
    let ground = ground_alone(settings).await?;
    let added = enrol(&ground.book, wanted).await;
    ground.close().await;
    added.map_err(Failure::new)
}

/// Opens a folder that no process uses, whatever it is for.
pub(crate) async fn ground_alone(settings: &Settings) -> Result<Ground, Failure> {
    let purpose = match Folder::check(&settings.data, Purpose::Demo) {
        Ok(Found::Ours) => Purpose::Demo,
        _ => Purpose::Service,
    };
    let folder = Folder::open(&settings.data, purpose)?;
    Ground::open(&folder, settings).await
}

/// Answers the admin socket.
pub(crate) fn admin_handler(ground: Ground, settings: Settings) -> AdminHandler {
    let settings = Arc::new(settings);
    Arc::new(move |request: AdminRequest| {
        let (ground, settings) = (ground.clone(), Arc::clone(&settings));
        Box::pin(async move {
            match request.command.as_str() {
                "operator_add" => match serde_json::from_value::<Wanted>(request.args) {
                    Ok(wanted) => reply(enrol(&ground.book, wanted).await),
                    Err(error) => AdminReply::Error(format!("not an account: {error}")),
                },
                resident::COMMAND => resident::admin_reply(&ground.book, request.args).await,
                key::COMMAND => {
                    key::admin_reply(ground.book.vault(), &settings, request.args).await
                }
                crate::files::COMMAND => crate::files::admin_reply(&ground, request.args).await,
                other => AdminReply::Error(format!("this version knows no command \"{other}\"")),
            }
        })
    })
}

fn reply(done: Result<(), String>) -> AdminReply {
    match done {
        Ok(()) => AdminReply::Ok(serde_json::Value::Null),
        Err(text) => AdminReply::Error(text),
    }
}

async fn enrol(book: &Casebook, wanted: Wanted) -> Result<(), String> {
    let city = City::at(book, book.log().head()).await;
    let city = city.map_err(|error| error.to_string())?;
    if city.operators.contains_key(&wanted.operator) {
        return Err(format!(
            "there is already an operator \"{}\"; choose another name",
            wanted.operator
        ));
    }
    if let Scope::Site(site) = &wanted.scope
        && !city.sites.contains_key(site)
    {
        return Err(format!("there is no site \"{site}\""));
    }
    if let Scope::District(district) = &wanted.scope
        && city.district(district).is_none()
    {
        return Err(format!("there is no district \"{district}\""));
    }
    let account = Account {
        operator: wanted.operator,
        name: wanted.name,
        post: wanted.post,
        role: wanted.role,
        scope: wanted.scope,
        password: wanted.password,
    };
    Registrar::new(book.clone())
        .add_operator(Actor::Registrar, account)
        .await
        .map(drop)
        .map_err(|error| error.to_string())
}

fn wanted(args: &OperatorAdd) -> Result<Wanted, Failure> {
    let role = match args.role.as_str() {
        "district-manager" => Role::DistrictManager,
        "administrator" => Role::Administrator,
        "auditor" => Role::Auditor,
        _ => Role::Operator,
    };
    let scope = match (&args.site, &args.district) {
        (Some(site), _) => Scope::Site(SiteId::parse(site).doing("read --site")?),
        (None, Some(district)) => {
            Scope::District(DistrictId::parse(district).doing("read --district")?)
        }
        (None, None) => Scope::City,
    };
    if args.name.trim().is_empty() {
        return Err(Failure::setting(
            "--name is empty; it is the name that residents hear",
        ));
    }
    if args.name.chars().any(|c| c.is_control() || is_unseen(c)) {
        return Err(Failure::setting(
            "--name holds control characters; it is the name that residents hear",
        ));
    }
    if matches!(role, Role::Administrator | Role::Auditor) && scope != Scope::City {
        return Err(Failure::setting(
            "an administrator or auditor is one for the whole city; leave --site and --district out",
        ));
    }
    if role == Role::DistrictManager && !matches!(scope, Scope::District(_)) {
        return Err(Failure::setting("a district manager needs --district"));
    }
    let password = password()?;
    Ok(Wanted {
        operator: OperatorId::parse(&args.operator).doing("read the operator's name")?,
        name: args.name.clone(),
        post: args.post.clone(),
        role,
        scope,
        password: console::hash_password(&password).doing("hash the password")?,
    })
}

/// Characters that turn the words around them, or hide: a name with them reads as another.
fn is_unseen(c: char) -> bool {
    matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

fn password() -> Result<String, Failure> {
    if std::io::stdin().is_terminal() {
        eprint!("密码 / password (at least {PASSWORD_LENGTH_MIN} characters): ");
    }
    let mut line = String::new();
    std::io::stdin()
        .read_line(&mut line)
        .doing("read the password")?;
    let password = line.trim_end_matches(['\r', '\n']).to_owned();
    if password.chars().count() < PASSWORD_LENGTH_MIN {
        return Err(Failure::setting(format!(
            "the password needs at least {PASSWORD_LENGTH_MIN} characters"
        )));
    }
    Ok(password)
}
