//! How changes become messages.

use super::*;

fn key(number: u32) -> Fields {
    Fields::default().mark(number)
}

fn element(number: u32) -> Element {
    Element {
        key: key(number),
        value: Some(Fields::default().address([10, 244, 0, 5].into()).port(8080)),
        comment: Some("default/web".into()),
    }
}

/// The messages of a batch, as somebody reads them who has its bytes only.
fn read(batch: Batch) -> Vec<Message> {
    let bytes = batch.into_bytes();
    let mut left = &bytes[..];
    let mut messages = Vec::new();
    while !left.is_empty() {
        let message = Message::deserialize(left).unwrap();
        left = &left[message.header.length as usize..];
        messages.push(message);
    }
    messages
}

/// `add endpoints 3`, for each message about elements.
fn told(messages: &[Message]) -> Vec<String> {
    let told = messages.iter().filter_map(|message| {
        let NetlinkPayload::InnerMessage(message) = &message.payload else {
            panic!("{message:?}");
        };
        let NetfilterMessageInner::NfTables(message) = &message.inner else {
            return None;
        };
        let (verb, list) = match message {
            NfTablesMessage::NewSetElement(list) => ("add", list),
            NfTablesMessage::DeleteSetElement(list) => ("delete", list),
            other => panic!("{other:?}"),
        };
        let [
            SetElementList::Table(table),
            SetElementList::Set(set),
            SetElementList::Elements(elements),
        ] = &list.attributes[..]
        else {
            panic!("{list:?}");
        };
        assert_eq!(table, "podlab");
        Some(format!("{verb} {set} {}", elements.len()))
    });
    told.collect()
}

#[test]
fn changes_of_one_kind_in_one_map_share_a_message() {
    let changes = [
        ("endpoints", Change::Add(element(1))),
        ("endpoints", Change::Add(element(2))),
        ("services", Change::Add(element(1))),
        ("services", Change::Replace(element(2))),
        ("services", Change::Replace(element(3))),
        ("endpoints", Change::Delete(key(7))),
    ];
    let batches: Vec<_> = batches("podlab", usize::MAX, changes).collect();
    let [batch] = <[Batch; 1]>::try_from(batches).map_err(|_| ()).unwrap();
    assert_eq!(
        told(&read(batch)),
        [
            "add endpoints 2",
            "add services 1",
            "delete services 2",
            "add services 2",
            "delete endpoints 1"
        ]
    );
}

#[test]
fn a_batch_is_numbered_and_its_last_change_is_answered() {
    let changes = [("a", Change::Add(element(1))), ("b", Change::Delete(key(1)))];
    let batch = batches("podlab", usize::MAX, changes).next().unwrap();
    let messages = read(batch);
    let numbers: Vec<_> = messages
        .iter()
        .map(|message| message.header.sequence_number)
        .collect();
    assert_eq!(numbers, [0, 1, 2, 3]);
    let answered = messages
        .iter()
        .map(|message| message.header.flags & NLM_F_ACK != 0);
    assert!(answered.eq([false, false, true, false]));
}

#[test]
fn the_longest_elements_fit_into_their_message() {
    let longest = |_| Element {
        key: Fields(vec![0; 64]),
        value: Some(Fields(vec![0; 64])),
        comment: Some("c".repeat(127)),
    };
    let changes = (0..1_000).map(|number| ("map", Change::Add(longest(number))));
    let batch = batches("podlab", usize::MAX, changes).next().unwrap();
    assert_eq!(told(&read(batch)), ["add map 200"; 5]);
}

/// As for an ordinary user, whom the kernel gives little room.
#[test]
fn what_is_too_large_is_parted_but_not_between_old_and_new() {
    let changes = (0..2_000).map(|number| ("map", Change::Replace(element(number))));
    let batches: Vec<_> = batches("podlab", 50_000, changes).collect();
    assert!(batches.len() > 2, "{}", batches.len());
    let mut all = 0;
    for batch in batches {
        assert!(batch.length <= 50_000);
        let told = told(&read(batch));
        all += told.len() / 2;
        assert!(
            told.chunks(2)
                .all(|pair| pair == ["delete map 200", "add map 200"]),
            "{told:?}"
        );
    }
    assert_eq!(all, 10);
}

#[test]
fn fields_are_filled_up_to_registers() {
    let fields = Fields::default()
        .address([10, 96, 0, 10].into())
        .protocol(Protocol::Udp)
        .port(53)
        .mark(1);
    let mark = 1u32.to_ne_bytes();
    assert_eq!(fields.0[..12], [10, 96, 0, 10, 17, 0, 0, 0, 0, 53, 0, 0]);
    assert_eq!(fields.0[12..], mark);
}
