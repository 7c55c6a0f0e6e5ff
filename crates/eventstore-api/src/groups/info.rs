//! A group, for people and their tools.
//!
//! For: figures and settings in the words of the protocol; one client insists on the forms of places.
//! May not know: where the figures come from.

use eventlog::competing::{ConsumerInfo, GroupInfo, Source, StartFrom};

use crate::proto::client::persistent_subscriptions::SubscriptionInfo;
use crate::proto::client::persistent_subscriptions::subscription_info::ConnectionInfo;

pub(crate) fn info(group: GroupInfo) -> SubscriptionInfo {
    let GroupInfo {
        key,
        settings,
        is_running,
        figures,
        consumers,
        parked,
    } = group;
    let of_all = key.source == Source::All;
    let written = |place: Option<u64>| place.map_or_else(String::new, |it| place_text(of_all, it));
    let status = match (is_running, figures.is_live) {
        (false, _) => "NotReady",
        (true, false) => "Behind",
        (true, true) => "Live",
    };
    SubscriptionInfo {
        event_source: key.source.to_string(),
        group_name: key.group,
        status: status.to_owned(),
        connections: consumers.into_iter().map(connection).collect(),
        average_per_second: 0,
        total_items: i64::try_from(figures.done).unwrap_or(i64::MAX),
        count_since_last_measurement: 0,
        last_checkpointed_event_position: written(figures.checkpoint),
        last_known_event_position: written(figures.seen),
        resolve_link_tos: settings.resolve_links,
        start_from: match settings.start_from {
            StartFrom::Beginning => place_text(of_all, 0),
            StartFrom::Place(place) => place_text(of_all, place),
            StartFrom::End if of_all => "C:-1/P:-1".to_owned(),
            StartFrom::End => "-1".to_owned(),
        },
        message_timeout_milliseconds: small(settings.message_timeout.as_millis()),
        extra_statistics: settings.extra_statistics,
        max_retry_count: small(settings.max_retry_count),
        live_buffer_size: small(settings.live_buffer_size),
        buffer_size: small(settings.history_buffer_size),
        read_batch_size: small(settings.read_batch_size),
        check_point_after_milliseconds: small(settings.checkpoint_after.as_millis()),
        min_check_point_count: small(settings.min_checkpoint_count),
        max_check_point_count: small(settings.max_checkpoint_count),
        read_buffer_count: small(figures.waiting),
        live_buffer_count: 0,
        retry_buffer_count: small(figures.again),
        total_in_flight_messages: small(figures.in_flight),
        outstanding_messages_count: small(figures.in_flight),
        named_consumer_strategy: settings.strategy.name().to_owned(),
        max_subscriber_count: small(settings.max_subscriber_count),
        parked_message_count: i64::try_from(parked).unwrap_or(i64::MAX),
    }
}

fn connection(consumer: ConsumerInfo) -> ConnectionInfo {
    ConnectionInfo {
        from: consumer.connection.from,
        username: consumer.connection.user,
        average_items_per_second: 0,
        total_items: i64::try_from(consumer.given).unwrap_or(i64::MAX),
        count_since_last_measurement: 0,
        observed_measurements: Vec::new(),
        available_slots: small(consumer.free),
        in_flight_messages: small(consumer.in_flight),
        connection_name: consumer.connection.name,
    }
}

fn place_text(of_all: bool, place: u64) -> String {
    if of_all {
        format!("C:{place}/P:{place}")
    } else {
        place.to_string()
    }
}

fn small(number: impl TryInto<i32>) -> i32 {
    number.try_into().unwrap_or(i32::MAX)
}
