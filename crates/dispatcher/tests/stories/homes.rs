//! With the real directory: a device is somebody's, they live somewhere, and their keyholder has a number. In real time,
//! for the directory's tables wait on threads.

use crate::world::{DISTRICT, HOME, World, at_site, resident_subject};
use casebook::{Binding, streams};
use directory::{Directory, Enrolling};
use dispatcher::{Dispatcher, DispatcherOptions, Places};
use domain::{
    Actor, CommunityId, DeviceId, DistrictId, ResidentId, Sealed,
    device::DeviceEvent,
    incident::IncidentEvent,
    party::Party,
    policy::RingPolicy,
    resident::{Address, Contact, Profile},
    signal::SignalKind,
};
use eventlog::EventId;
use uuid::Uuid;

fn profile() -> Profile {
    let contact = |name: &str, phone: &str, has_key| Contact {
        name: name.to_owned(),
        relation: "女儿".to_owned(),
        phone: phone.to_owned(),
        has_key,
        minutes_away: None,
    };
    Profile {
        name: "李秀英".to_owned(),
        name_latin: "Li Xiuying".to_owned(),
        born: 1940,
        sex: "f".to_owned(),
        phone: "13800000000".to_owned(),
        address: Address {
            compound: "小区".to_owned(),
            building: "1".to_owned(),
            unit: "1".to_owned(),
            floor: "1".to_owned(),
            door: "101".to_owned(),
            access: String::new(),
        },
        lon_e6: HOME.lon_e6,
        lat_e6: HOME.lat_e6,
        hearing: "normal".to_owned(),
        dialect: String::new(),
        conditions: Vec::new(),
        medicines: Vec::new(),
        hospital: String::new(),
        contacts: vec![
            contact("甲", "1", false),
            contact("乙", "13911112222", true),
        ],
        household: Vec::new(),
        notes: String::new(),
    }
}

async fn enrol(directory: &Directory) -> ResidentId {
    let resident = ResidentId::parse("r-1").unwrap();
    let enrolling = Enrolling {
        resident: resident.clone(),
        district: DistrictId::parse(DISTRICT).unwrap(),
        community: CommunityId::parse("c-1").unwrap(),
        grid: 1,
        home_station: None,
        profile: profile(),
    };
    let registrar = directory.registrar();
    registrar
        .enrol_resident(Actor::Registrar, enrolling)
        .await
        .unwrap();
    let device = DeviceId::parse("d-1").unwrap();
    registrar
        .enrol_device(
            Actor::Registrar,
            device,
            "pendant",
            Some(resident.clone()),
            "key",
        )
        .await
        .unwrap();
    resident
}

fn start(world: &World, directory: &Directory) -> Dispatcher {
    let (book, policy) = (world.casebook.clone(), RingPolicy::default());
    Dispatcher::start(
        book,
        directory.clone(),
        policy,
        DispatcherOptions::default(),
    )
    .unwrap()
}

#[tokio::test]
async fn a_press_goes_to_the_site_nearest_to_the_residents_home() {
    let world = World::staffed().await;
    let directory = Directory::open(world.casebook.clone(), None).await.unwrap();
    let resident = enrol(&directory).await;
    let dispatcher = start(&world, &directory);
    world.press("d-1", "1", SignalKind::Sos).await;
    let offered = |e: &IncidentEvent| matches!(e, IncidentEvent::Offered { .. });
    let (id, _) = world.until("the first offer", |h| offered(&h.event)).await;
    assert_eq!(world.offers(id).await[0].added, [at_site("s-1")]);
    let incident = world.casebook.fold_incident(id).await.unwrap().unwrap();
    assert_eq!(incident.resident.as_ref(), Some(&resident));
    assert_eq!(incident.subject, resident_subject("1"));
    assert!(incident.place.is_some(), "sealed, not in the clear");
    let number = Places::number(&directory, &Party::Keyholder, Some(&resident)).await;
    assert_eq!(number, Ok(Some("13911112222".to_owned())));
    let number = Places::number(&directory, &at_site("s-2"), None).await;
    assert_eq!(number, Ok(Some("0451-s-2".to_owned())));
    world.assert_promises().await;
    // Another dispatcher finds the place again in the sealed field.
    dispatcher.stop().await;
    directory.stop().await;
}

/// A watch says where it is; that counts before the home.
#[tokio::test]
async fn a_device_that_says_where_it_is_is_helped_there() {
    let world = World::staffed().await;
    let directory = Directory::open(world.casebook.clone(), None).await.unwrap();
    enrol(&directory).await;
    let dispatcher = start(&world, &directory);
    let device = DeviceId::parse("d-1").unwrap();
    let (stream, event) = (streams::device(&device), EventId(Uuid::new_v4()));
    let binding = Binding {
        stream: &stream,
        event,
        field: "location",
    };
    let by_s_3 =
        serde_json::json!({"lon_e6": HOME.lon_e6, "lat_e6": HOME.lat_e6 - 6_000, "accuracy_m": 20});
    let subject = resident_subject("1");
    let location: Sealed = world
        .casebook
        .vault()
        .seal_json(subject.as_str(), binding, &by_s_3)
        .await
        .unwrap();
    let mut said = crate::world::received(Some(device), "1", SignalKind::Sos, true);
    said.location = Some(location);
    world
        .append(&stream, event, DeviceEvent::AlarmReceived(said))
        .await;
    let offered = |e: &IncidentEvent| matches!(e, IncidentEvent::Offered { .. });
    let (id, _) = world.until("the first offer", |h| offered(&h.event)).await;
    assert_eq!(world.offers(id).await[0].added, [at_site("s-3")]);
    dispatcher.stop().await;
    directory.stop().await;
}
