//! The messages of GTFS-realtime 2.0, as published at
//! <https://gtfs.org/documentation/realtime/reference/>: field numbers, names and types.

/// The type of a field.
#[derive(Debug, Clone, Copy)]
pub(super) enum Type {
    Text,
    Integer,
    Boolean,
    Float,
    Double,
    Choice(&'static [(i64, &'static str)]),
    Message(&'static Message),
}

/// A field of a message.
#[derive(Debug)]
pub(super) struct Field {
    pub(super) tag: u32,
    pub(super) name: &'static str,
    pub(super) kind: Type,
    pub(super) repeated: bool,
}

/// The fields of a message.
#[derive(Debug)]
pub(super) struct Message(pub(super) &'static [Field]);

const fn one(tag: u32, name: &'static str, kind: Type) -> Field {
    Field {
        tag,
        name,
        kind,
        repeated: false,
    }
}

const fn many(tag: u32, name: &'static str, kind: Type) -> Field {
    Field {
        tag,
        name,
        kind,
        repeated: true,
    }
}

use Type::{Boolean, Choice, Double, Float, Integer, Message as Nested, Text};

pub(super) static FEED_MESSAGE: Message = Message(&[
    one(1, "header", Nested(&FEED_HEADER)),
    many(2, "entity", Nested(&FEED_ENTITY)),
]);

static FEED_HEADER: Message = Message(&[
    one(1, "gtfs_realtime_version", Text),
    one(
        2,
        "incrementality",
        Choice(&[(0, "FULL_DATASET"), (1, "DIFFERENTIAL")]),
    ),
    one(3, "timestamp", Integer),
    one(4, "feed_version", Text),
]);

static FEED_ENTITY: Message = Message(&[
    one(1, "id", Text),
    one(2, "is_deleted", Boolean),
    one(3, "trip_update", Nested(&TRIP_UPDATE)),
    one(4, "vehicle", Nested(&VEHICLE_POSITION)),
    one(5, "alert", Nested(&ALERT)),
]);

static TRIP_UPDATE: Message = Message(&[
    one(1, "trip", Nested(&TRIP_DESCRIPTOR)),
    many(2, "stop_time_update", Nested(&STOP_TIME_UPDATE)),
    one(3, "vehicle", Nested(&VEHICLE_DESCRIPTOR)),
    one(4, "timestamp", Integer),
    one(5, "delay", Integer),
]);

static STOP_TIME_UPDATE: Message = Message(&[
    one(1, "stop_sequence", Integer),
    one(2, "arrival", Nested(&STOP_TIME_EVENT)),
    one(3, "departure", Nested(&STOP_TIME_EVENT)),
    one(4, "stop_id", Text),
    one(
        5,
        "schedule_relationship",
        Choice(&[
            (0, "SCHEDULED"),
            (1, "SKIPPED"),
            (2, "NO_DATA"),
            (3, "UNSCHEDULED"),
        ]),
    ),
    one(7, "departure_occupancy_status", Choice(OCCUPANCY_STATUS)),
]);

static STOP_TIME_EVENT: Message = Message(&[
    one(1, "delay", Integer),
    one(2, "time", Integer),
    one(3, "uncertainty", Integer),
    one(4, "scheduled_time", Integer),
]);

static TRIP_DESCRIPTOR: Message = Message(&[
    one(1, "trip_id", Text),
    one(2, "start_time", Text),
    one(3, "start_date", Text),
    one(
        4,
        "schedule_relationship",
        Choice(&[
            (0, "SCHEDULED"),
            (1, "ADDED"),
            (2, "UNSCHEDULED"),
            (3, "CANCELED"),
            (5, "REPLACEMENT"),
            (6, "DUPLICATED"),
            (7, "DELETED"),
            (8, "NEW"),
        ]),
    ),
    one(5, "route_id", Text),
    one(6, "direction_id", Integer),
]);

static VEHICLE_DESCRIPTOR: Message = Message(&[
    one(1, "id", Text),
    one(2, "label", Text),
    one(3, "license_plate", Text),
]);

static VEHICLE_POSITION: Message = Message(&[
    one(1, "trip", Nested(&TRIP_DESCRIPTOR)),
    one(2, "position", Nested(&POSITION)),
    one(3, "current_stop_sequence", Integer),
    one(
        4,
        "current_status",
        Choice(&[(0, "INCOMING_AT"), (1, "STOPPED_AT"), (2, "IN_TRANSIT_TO")]),
    ),
    one(5, "timestamp", Integer),
    one(
        6,
        "congestion_level",
        Choice(&[
            (0, "UNKNOWN_CONGESTION_LEVEL"),
            (1, "RUNNING_SMOOTHLY"),
            (2, "STOP_AND_GO"),
            (3, "CONGESTION"),
            (4, "SEVERE_CONGESTION"),
        ]),
    ),
    one(7, "stop_id", Text),
    one(8, "vehicle", Nested(&VEHICLE_DESCRIPTOR)),
    one(9, "occupancy_status", Choice(OCCUPANCY_STATUS)),
    one(10, "occupancy_percentage", Integer),
]);

static POSITION: Message = Message(&[
    one(1, "latitude", Float),
    one(2, "longitude", Float),
    one(3, "bearing", Float),
    one(4, "odometer", Double),
    one(5, "speed", Float),
]);

const OCCUPANCY_STATUS: &[(i64, &str)] = &[
    (0, "EMPTY"),
    (1, "MANY_SEATS_AVAILABLE"),
    (2, "FEW_SEATS_AVAILABLE"),
    (3, "STANDING_ROOM_ONLY"),
    (4, "CRUSHED_STANDING_ROOM_ONLY"),
    (5, "FULL"),
    (6, "NOT_ACCEPTING_PASSENGERS"),
    (7, "NO_DATA_AVAILABLE"),
    (8, "NOT_BOARDABLE"),
];

static ALERT: Message = Message(&[
    many(1, "active_period", Nested(&TIME_RANGE)),
    many(5, "informed_entity", Nested(&ENTITY_SELECTOR)),
    one(
        6,
        "cause",
        Choice(&[
            (1, "UNKNOWN_CAUSE"),
            (2, "OTHER_CAUSE"),
            (3, "TECHNICAL_PROBLEM"),
            (4, "STRIKE"),
            (5, "DEMONSTRATION"),
            (6, "ACCIDENT"),
            (7, "HOLIDAY"),
            (8, "WEATHER"),
            (9, "MAINTENANCE"),
            (10, "CONSTRUCTION"),
            (11, "POLICE_ACTIVITY"),
            (12, "MEDICAL_EMERGENCY"),
        ]),
    ),
    one(
        7,
        "effect",
        Choice(&[
            (1, "NO_SERVICE"),
            (2, "REDUCED_SERVICE"),
            (3, "SIGNIFICANT_DELAYS"),
            (4, "DETOUR"),
            (5, "ADDITIONAL_SERVICE"),
            (6, "MODIFIED_SERVICE"),
            (7, "OTHER_EFFECT"),
            (8, "UNKNOWN_EFFECT"),
            (9, "STOP_MOVED"),
            (10, "NO_EFFECT"),
            (11, "ACCESSIBILITY_ISSUE"),
        ]),
    ),
    one(8, "url", Nested(&TRANSLATED_STRING)),
    one(10, "header_text", Nested(&TRANSLATED_STRING)),
    one(11, "description_text", Nested(&TRANSLATED_STRING)),
    one(
        14,
        "severity_level",
        Choice(&[
            (1, "UNKNOWN_SEVERITY"),
            (2, "INFO"),
            (3, "WARNING"),
            (4, "SEVERE"),
        ]),
    ),
]);

static TIME_RANGE: Message = Message(&[one(1, "start", Integer), one(2, "end", Integer)]);

static ENTITY_SELECTOR: Message = Message(&[
    one(1, "agency_id", Text),
    one(2, "route_id", Text),
    one(3, "route_type", Integer),
    one(4, "trip", Nested(&TRIP_DESCRIPTOR)),
    one(5, "stop_id", Text),
    one(6, "direction_id", Integer),
]);

static TRANSLATED_STRING: Message = Message(&[many(1, "translation", Nested(&TRANSLATION))]);

static TRANSLATION: Message = Message(&[one(1, "text", Text), one(2, "language", Text)]);
