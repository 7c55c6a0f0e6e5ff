//! Who sees what, and that it is written down.

use crate::{
    furniture::resident_id,
    hall::{Hall, at_site},
};
use casebook::Case;
use domain::{party::Party, resident::ResidentEvent};
use reqwest::StatusCode;
use uuid::Uuid;
use wire::console::{Act, IncidentPage};

#[tokio::test]
async fn an_operator_of_another_site_neither_sees_nor_commands() {
    let hall = Hall::open().await;
    let incident = hall.press(1, &[at_site("s-1")]).await;
    hall.shown().await;
    let anna = hall.token("anna").await;
    let dai = hall.token("dai").await;
    assert!(hall.card(&anna, incident).await.resident.is_some());

    let (_, page) = hall.get(&dai, "/v1/incidents").await;
    let page: IncidentPage = serde_json::from_value(page).unwrap();
    assert!(page.incidents.is_empty());
    let path = format!("/v1/incidents/{incident}");
    for path in [path.clone(), format!("{path}/events")] {
        assert_eq!(hall.get(&dai, &path).await.0, StatusCode::NOT_FOUND);
    }
    assert_eq!(
        hall.get(&dai, "/v1/residents/r-1").await.0,
        StatusCode::NOT_FOUND
    );
    let (status, problem) = hall
        .command(&dai, incident, Uuid::new_v4(), None, Act::Accept)
        .await;
    assert_eq!(status, StatusCode::NOT_FOUND);
    let nothing = hall
        .command(
            &dai,
            domain::IncidentId(Uuid::new_v4()),
            Uuid::new_v4(),
            None,
            Act::Accept,
        )
        .await;
    assert_eq!(nothing.1, problem, "hidden and absent look alike");
    let mut live = hall.page(&dai, "tab-d", None).await;
    assert!(live.snapshot().await.1.is_empty());
}

#[tokio::test]
async fn managers_see_their_district_and_the_city_all_of_it() {
    let hall = Hall::open().await;
    let incident = hall.alarm(1).await;
    hall.shown().await;
    for (name, sees) in [("manager", true), ("admin", true), ("anna", false)] {
        let token = hall.token(name).await;
        let (_, page) = hall.get(&token, "/v1/incidents?state=open").await;
        let page: IncidentPage = serde_json::from_value(page).unwrap();
        let ids: Vec<_> = page.incidents.iter().map(|c| c.id.clone()).collect();
        assert_eq!(ids.contains(&incident.to_string()), sees, "{name}");
    }
    let manager = hall.token("manager").await;
    let (status, record) = hall.get(&manager, "/v1/residents/r-2").await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(record["name"], "王秀兰2");
    assert_eq!(record["address_line"], "道里区安康小区3号楼2单元5层502室");
}

#[tokio::test]
async fn whoever_is_given_a_record_stands_in_the_log_once_an_hour() {
    let hall = Hall::open().await;
    let incident = hall.press(1, &[at_site("s-1")]).await;
    hall.shown().await;
    let anna = hall.token("anna").await;
    hall.card(&anna, incident).await;
    hall.card(&anna, incident).await;
    let manager = hall.token("manager").await;
    hall.get(&manager, "/v1/residents/r-3").await;
    let viewed = |case: &Case| match case {
        Case::Resident(happened) => match &happened.event {
            ResidentEvent::RecordViewed {
                resident,
                operator,
                why,
            } => Some((resident.clone(), operator.to_string(), why.clone())),
            _ => None,
        },
        _ => None,
    };
    hall.until("a view is written down", |case| {
        viewed(case).is_some_and(|(_, by, _)| by == "anna")
    })
    .await;
    let views: Vec<_> = hall.events().await.iter().filter_map(viewed).collect();
    let of = |by: &str| {
        views
            .iter()
            .filter(|v| v.1 == by)
            .cloned()
            .collect::<Vec<_>>()
    };
    let why = format!("incident {incident}");
    assert_eq!(of("anna"), [(resident_id(1), "anna".to_owned(), why)]);
    let record = (resident_id(3), "manager".to_owned(), "record".to_owned());
    assert_eq!(of("manager"), [record]);
}

#[tokio::test]
async fn nobody_is_given_a_record_before_that_is_written_down() {
    let hall = Hall::open().await;
    let manager = hall.token("manager").await;
    hall.book.log().faults().fail_appends(1);
    let (status, problem) = hall.get(&manager, "/v1/residents/r-4").await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE, "{problem}");
    for _ in 0..2 {
        let (status, record) = hall.get(&manager, "/v1/residents/r-4").await;
        assert_eq!(
            (status, &record["name"]),
            (StatusCode::OK, &"王秀兰4".into())
        );
    }
    let viewed = |case: &Case| {
        matches!(case, Case::Resident(happened)
            if matches!(&happened.event, ResidentEvent::RecordViewed { resident, .. } if *resident == resident_id(4)))
    };
    let views = hall.events().await.into_iter().filter(viewed).count();
    assert_eq!(views, 1);
}

#[tokio::test]
async fn a_bridge_that_is_closed_stays_on_the_map_as_closed() {
    let hall = Hall::open().await;
    let anna = hall.token("anna").await;
    let by = || domain::Actor::Registrar;
    let registrar = hall.directory.registrar();
    let bridge = directory::harbin::city(&directory::harbin::Plan::default())
        .crossings
        .remove(0)
        .record;
    let id = bridge.crossing.clone();
    registrar.open_crossing(by(), bridge).await.unwrap();
    let closed = registrar.close_crossing(by(), id.clone(), "ice");
    let closed = closed.await.unwrap().position;
    hall.until("the bridge is closed", |case| {
        matches!(case, Case::Crossing(happened)
            if matches!(happened.event, domain::crossing::CrossingEvent::CrossingClosed { .. }))
    })
    .await;
    hall.directory.caught_up(closed).await.unwrap();
    let seen = tokio::time::timeout(std::time::Duration::from_secs(10), async {
        loop {
            let (_, map) = hall.get(&anna, "/v1/map").await;
            let crossings = map["crossings"].as_array().unwrap().clone();
            let closed = |it: &&serde_json::Value| it["id"] == id.as_str() && it["open"] == false;
            if let Some(crossing) = crossings.iter().find(closed) {
                return crossing.clone();
            }
            tokio::task::yield_now().await;
        }
    });
    assert!(seen.await.expect("closed, and still there")["name"].is_string());
}

#[tokio::test]
async fn an_erased_person_leaves_the_card_but_not_the_map() {
    let hall = Hall::open().await;
    let incident = hall.press(1, &[at_site("s-1")]).await;
    hall.shown().await;
    let anna = hall.token("anna").await;
    let mut page = hall.page(&anna, "tab-1", None).await;
    let (_, cards) = page.snapshot().await;
    assert_eq!(cards[0].resident.as_ref().unwrap().name, "王秀兰1");
    // Nobody may ask for it now; after a restore it may come to be known in the middle of a call.
    let registrar = hall.directory.registrar();
    let by = domain::Actor::Registrar;
    let refused = registrar.erase_resident(by.clone(), resident_id(1), "asked for");
    assert!(refused.await.unwrap_err().to_string().contains("is open"));
    let event = domain::resident::ResidentEvent::ResidentErased {
        resident: resident_id(1),
        why: "known from the keys".to_owned(),
    };
    let id = eventlog::EventId(Uuid::new_v4());
    let draft = casebook::Draft::new(id, hall.book.now(), by, event);
    let stream = casebook::streams::resident(&resident_id(1));
    let erased = hall.book.append(
        eventlog::Lane::Urgent,
        &stream,
        eventlog::Expected::StreamExists,
        vec![draft],
        casebook::Meta::default(),
    );
    erased.await.unwrap();
    let card = page
        .card(|c| c.resident.as_ref().is_some_and(|r| r.erased))
        .await;
    assert_eq!(card.id, incident.to_string());
    let resident = card.resident.unwrap();
    assert_eq!((resident.name.as_str(), resident.phone.as_str()), ("", ""));
    assert!(card.lon.is_some() && card.lat.is_some());
}

#[tokio::test]
async fn a_desk_may_accept_what_was_not_rung_there() {
    let hall = Hall::open().await;
    let incident = hall.press(1, &[at_site("s-1")]).await;
    hall.shown().await;
    let manager = hall.token("manager").await;
    let card = hall.card(&manager, incident).await;
    assert_eq!(card.accept_as.unwrap().party, "district_desk");
    let (status, _) = hall
        .command(&manager, incident, Uuid::new_v4(), None, Act::Accept)
        .await;
    assert_eq!(status, StatusCode::OK);
    let now = hall.book.fold_incident(incident).await.unwrap().unwrap();
    assert!(matches!(now.owner.unwrap().party, Party::DistrictDesk(_)));
}
