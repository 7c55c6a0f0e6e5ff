// For: names in English of the codes that come over the wire. A missing code does not compile.
// May not know: sentences of the page.
import type { Codes } from './codes.zh';

// prettier-ignore
export const codesEn: Codes = {
  phase: {
    waiting: 'waiting', offered: 'offered', accepted: 'accepted', talking: 'talking', underway: 'help underway', on_site: 'on site',
    held: 'on hold', resolved: 'closed',
  },
  kind: {
    sos: 'SOS', fall: 'Fall', smoke: 'Smoke', gas: 'Gas', inactivity: 'No activity', wandering: 'Wandering', service: 'Service',
    unknown: 'Unknown signal', cancel: 'Cancel', test: 'Test', heartbeat: 'Heartbeat', low_battery: 'Low battery',
    mains_lost: 'Mains lost', mains_restored: 'Mains restored', line_lost: 'Line lost', tamper: 'Tampered', device_fault: 'Device fault',
  },
  priority: { '1': 'Life', '2': 'Soon', '3': 'Device', '4': 'Ordinary' },
  result: {
    reached: 'Reached', no_answer: 'No answer', busy: 'Busy', wrong_number: 'Wrong number', on_the_way: 'On the way',
    voicemail: 'Voicemail',
  },
  model: { pendant: 'pendant', watch: 'watch', wall_button: 'wall button', panel: 'panel', phone: 'phone', pull_cord: 'pull cord' },
  problem: {
    unknown_device: 'device not on record', bad_key: 'wrong key', missing_key: 'no key', unparseable: 'could not be read',
    missing_device: 'no device number', missing_press: 'no press number', missing_kind: 'no kind', unknown_kind: 'unknown kind',
    bad_time: 'bad time', bad_location: 'bad location', bad_battery: 'bad battery level', text_truncated: 'text cut short',
    field_too_long: 'field too long', clock_off: 'device clock is off', press_number_reused: 'press number used again',
    device_retired: 'device is retired', flood: 'many calls at once',
  },
  ruled_out: {
    closed: 'closed', nobody_on_duty: 'nobody on duty', cannot_answer: 'cannot answer', capability: 'not equipped', full: 'at capacity',
    no_way: 'no way there', retired: 'retired',
  },
  deadline: {
    offer: 'offer', widen: 'widen the offer', show: 'shown on a console', duty_phone: 'ring the duty phone', first_step: 'first step',
    talk: 'talk under way', arrival: 'arrival', on_site: 'report from the spot', wake: 'hold ends', answer: 'answer "still on it"', support: 'answer for support',
  },
  responder: { carer: 'carer', nurse: 'nurse', volunteer: 'volunteer', grid_worker: 'grid worker' },
  party: {
    site: 'site', district_desk: 'district desk', supervisor: 'supervisor', city_desk: 'city desk', keyholder: 'keyholder',
  },
  role: { operator: 'operator', district_manager: 'district manager', administrator: 'administrator', auditor: 'auditor' },
  sex: { f: 'female', m: 'male' },
  hearing: { normal: 'hears well', hard: 'hard of hearing: speak loud and slow', deaf: 'deaf: send somebody' },
  site: { station: 'station', facility: 'facility', district_desk: 'district desk', city_desk: 'city desk' },
  service: { '120': '120 ambulance', '119': '119 fire', '110': '110 police' },
  cause: {
    ring: 'time had come', unseen: 'no console showed it', declined: 'declined', lapsed: 'acceptance lapsed',
    owner_unreachable: 'owner out of reach', overdue: 'work stood still', transferred: 'transferred', reopened: 'reopened',
    support: 'support asked', repressed: 'pressed again', no_screen: 'no live console', unanswered: 'screen unanswered',
  },
  hold: {
    family_coming: 'Family is coming', call_back_later: 'Call-back agreed', waiting_120: 'Waiting for 120',
    waiting_engineer: 'Waiting for repair', asleep: 'Resident is resting', other: 'Other',
  },
  transfer: {
    nearer: 'They are nearer', no_staff: 'Nobody here to send', capability: 'Needs special care', not_ours: 'Not our area',
    shift_end: 'Shift ends',
  },
  decline: { away: 'Away from the desk', on_call: 'On another call', too_far: 'Too far', no_staff: 'Nobody to send', other: 'Other' },
  reopen: {
    called_again: 'Resident called again', not_safe: 'Not solved', wrong_code: 'Closed by mistake', family_asked: 'Family asked',
    other: 'Other',
  },
  reason: {
    FALL: 'Fall', 'FALL-NOINJ': 'Fall, no injury', UNWELL: 'Unwell', CHEST: 'Chest pain', BREATH: 'Short of breath', 'STROKE?': 'Stroke?',
    PAIN: 'Pain', CONFUSED: 'Confused', 'FIRE/SMOKE': 'Fire, smoke', 'CO/GAS': 'CO, gas', FLOOD: 'Flood', INTRUDER: 'Intruder',
    'LOCKED-OUT': 'Locked out', WANDER: 'Wandering', 'CARER-LATE': 'Carer is late', MEDS: 'Medicines', LONELY: 'Lonely',
    'HELP-SMALL': 'Small help', TEST: 'Test', ACCIDENT: 'Pressed by mistake', 'NO-SPEECH': 'No speech', 'DEVICE-FAULT': 'Device fault',
    'LOW-BATT': 'Low battery', 'MAINS-LOST': 'Mains lost', 'LINE-LOST': 'Line lost', TAMPER: 'Tampered', UNKNOWN: 'Unknown',
  },
  action: {
    TALKED: 'Talked', KEYHOLDER: 'Keyholder went', 'STATION-VISIT': 'Site visited', VOLUNTEER: 'Volunteer went', '120': 'Called 120',
    '119': 'Called 119', '110': 'Called 110', GP: 'Doctor told', FAMILY: 'Family told', ENGINEER: 'Engineer sent',
    CALLBACK: 'Call-back booked', NONE: 'Nothing',
  },
  outcome: {
    SAFE: 'Safe', LIFTED: 'Lifted', 'TREATED-HOME': 'Treated at home', 'TO-HOSPITAL': 'To hospital', ADMITTED: 'Admitted',
    DECEASED: 'Deceased', 'NOT-FOUND': 'Not found', REFUSED: 'Refused help', FALSE: 'False alarm', 'DUPLICATE-OF': 'Duplicate',
    TRANSFERRED: 'Transferred', 'CANCELLED-BY-CALLER': 'Cancelled by caller', 'UNREACHED-ESCALATED': 'Unreached, escalated',
  },
  refusal: {
    not_open: 'There is no such incident', closed: 'It is closed', still_open: 'It is still open', not_allowed: 'You may not do this',
    not_yourself: 'One person cannot act for another', not_yours: '{who} has this incident', not_accepted: 'Nobody has accepted it yet',
    not_on_duty: '{who} is not on duty now',
    already_accepted: '{who} has accepted it', not_offered: 'It was not offered to you', support_answered: '{who} answers for the support',
    unread_alarm: 'The resident pressed again: look first', missing_codes: 'A closing code is missing', missing_reason: 'A reason is missing',
    text_too_long: 'The text is too long',
    no_speech_needs_check: 'No speech cannot be closed as false without a talk, a visit or a contact who confirms',
    hold_too_long: 'That hold is too long', hold_not_ahead: 'The hold would be over already', bad_target: 'It cannot go there',
    not_on_the_way: 'This responder is not on the way', way_too_long: 'That way is too long', too_many_responders: 'Too many sent',
    reopen_too_late: 'It was closed too long ago', outbox_full: 'Too many actions wait: let the line come back',
    not_found: 'Not found, or not yours to see', no_answer: 'The server does not answer',
  },
  review: {
    rang_to_the_last: 'rang to the last ring and nobody accepted', answered_late: 'accepted late', 'outcome DECEASED': 'outcome: deceased',
    'outcome NOT-FOUND': 'outcome: not found', 'outcome REFUSED': 'outcome: refused help',
  },
  claim: { call_back: 'To call back', send_somebody: 'To send somebody' },
  gone: { accepted_elsewhere: 'accepted elsewhere', closed: 'closed', out_of_scope: 'moved elsewhere' },
  act: {
    accept: 'Accept', decline: 'Decline', start_talk: 'Talking', still_on_it: 'Still on it', hold: 'Hold', end_hold: 'End hold',
    try_contact: 'Result of a call', send_responder: 'Send', delay_responder: 'Delayed', arrive: 'Arrived',
    return_responder: 'Returned', call_service: 'Emergency number called', ask_support: 'Ask support', add_note: 'Note',
    transfer: 'Transfer', hand_over: 'Hand over', resolve: 'Resolve', reopen: 'Reopen', follow_up: 'Follow up',
    close_review: 'Close review',
  },
  signed_out: { expired: 'the session has expired', elsewhere: 'signed in elsewhere', signed_out: 'signed out', revoked: 'account closed' },
  story: {
    IncidentOpened: 'Call received, incident opened', AlarmJoined: 'Pressed again', Offered: 'Offered', OfferShown: 'Shown on a console',
    OfferUnseen: 'No console showed it', DutyPhoneRung: 'Duty phone rung', OfferDeclined: 'Declined', Escalated: 'Escalated',
    Accepted: 'Accepted', AcceptanceLapsed: 'Acceptance lapsed, offered again', TalkStarted: 'Talk began', StillOnIt: 'Still on it',
    ProgressOverdue: 'Asked: still on it?', HandedOver: 'Handed over', Held: 'On hold', HoldEnded: 'Hold ended',
    ContactTried: 'Telephoned', ResponderSent: 'Responder sent', ResponderSetOut: 'Set out', ResponderDelayed: 'Delayed', ResponderArrived: 'Arrived',
    ResponderReturned: 'Returned', EmergencyServiceCalled: 'Emergency service called', SupportAsked: 'Support asked for', SupportAnswered: 'Answers for the support', NoteAdded: 'Note', ProtocolAnswered: 'Answered',
    Transferred: 'Transferred', Resolved: 'Closed', Reopened: 'Reopened', FollowUpDone: 'Followed up', ReviewOpened: 'Review opened',
    ReviewClosed: 'Review closed',
  },
};
