// For: names in Chinese of the codes that come over the wire.
// May not know: sentences of the page. A code that is missing here is shown as it is.

// prettier-ignore
export const codesZh = {
  phase: {
    waiting: '待派单', offered: '派单中', accepted: '已接单', talking: '通话中', underway: '已派人', on_site: '已到达', held: '挂起',
    resolved: '已办结',
  },
  kind: {
    sos: '紧急呼叫', fall: '跌倒', smoke: '烟雾', gas: '燃气', inactivity: '久无活动', wandering: '走失', service: '生活服务',
    unknown: '未知信号', cancel: '取消', test: '测试', heartbeat: '心跳', low_battery: '电量低', mains_lost: '断电',
    mains_restored: '恢复供电', line_lost: '断线', tamper: '被拆动', device_fault: '设备故障',
  },
  priority: { '1': '危急', '2': '尽快', '3': '设备', '4': '一般' },
  result: {
    reached: '接通', no_answer: '无人接', busy: '占线', wrong_number: '空号', on_the_way: '已在路上', voicemail: '语音信箱',
  },
  model: { pendant: '随身按钮', watch: '手表', wall_button: '墙装按钮', panel: '呼叫主机', phone: '手机', pull_cord: '拉绳' },
  problem: {
    unknown_device: '未登记的终端', bad_key: '密钥不对', missing_key: '没有密钥', unparseable: '内容无法读取', missing_device: '没有终端编号',
    missing_press: '没有按键序号', missing_kind: '没有信号类型', unknown_kind: '信号类型不明', bad_time: '时间有误', bad_location: '位置有误',
    bad_battery: '电量有误', text_truncated: '文字被截短', field_too_long: '字段过长', clock_off: '终端时钟不准',
    press_number_reused: '按键序号重复使用', device_retired: '终端已停用', flood: '短时大量呼叫',
  },
  ruled_out: {
    closed: '未开放', nobody_on_duty: '无人值班', cannot_answer: '不能接单', capability: '能力不符', full: '已满负荷', no_way: '无路可达',
    retired: '已撤销',
  },
  deadline: {
    offer: '派单', widen: '扩大派单', show: '席位显示', duty_phone: '响值班手机', first_step: '第一步处置', talk: '通话进展', arrival: '到达',
    on_site: '现场回报', wake: '挂起到时', answer: '回答“还在处理”', support: '支援应答',
  },
  responder: { carer: '护理员', nurse: '护士', volunteer: '志愿者', grid_worker: '网格员' },
  party: {
    site: '网点', district_desk: '区调度台', supervisor: '值班长', city_desk: '市总调度台', keyholder: '有钥匙的联系人',
  },
  role: { operator: '值班员', district_manager: '区管理员', administrator: '系统管理员', auditor: '审计员' },
  sex: { f: '女', m: '男' },
  hearing: { normal: '听力正常', hard: '听力差，请大声慢说', deaf: '听不见，请让人上门' },
  site: { station: '服务站', facility: '养老机构', district_desk: '区调度台', city_desk: '市总调度台' },
  service: { '120': '120 急救', '119': '119 消防', '110': '110 警察' },
  cause: {
    ring: '到时', unseen: '没有席位显示', declined: '已退单', lapsed: '接单超时', owner_unreachable: '接单人失联', overdue: '处置停滞',
    transferred: '转派', reopened: '重新处置', support: '请求支援', repressed: '又按了一次', no_screen: '没有在线席位', unanswered: '屏幕无人应答',
  },
  hold: { family_coming: '家属在路上', call_back_later: '约好再打', waiting_120: '等待 120', waiting_engineer: '等待维修', asleep: '老人在休息', other: '其他' },
  transfer: { nearer: '那边更近', no_staff: '我处无人可派', capability: '需要专业处置', not_ours: '不属本网点', shift_end: '交接班' },
  decline: { away: '人不在席位', on_call: '正在处理别的求助', too_far: '太远', no_staff: '无人可派', other: '其他' },
  reopen: { called_again: '老人又来电', not_safe: '情况并未解决', wrong_code: '办结有误', family_asked: '家属要求', other: '其他' },
  reason: {
    FALL: '跌倒', 'FALL-NOINJ': '跌倒无伤', UNWELL: '身体不适', CHEST: '胸痛', BREATH: '呼吸困难', 'STROKE?': '疑似中风', PAIN: '疼痛',
    CONFUSED: '神志不清', 'FIRE/SMOKE': '火情烟雾', 'CO/GAS': '煤气燃气', FLOOD: '漏水', INTRUDER: '有人闯入', 'LOCKED-OUT': '被锁门外',
    WANDER: '走失', 'CARER-LATE': '护理员未到', MEDS: '用药问题', LONELY: '孤独想聊天', 'HELP-SMALL': '生活小事', TEST: '测试',
    ACCIDENT: '误触', 'NO-SPEECH': '无人应声', 'DEVICE-FAULT': '设备故障', 'LOW-BATT': '电量低', 'MAINS-LOST': '断电',
    'LINE-LOST': '断线', TAMPER: '设备被拆', UNKNOWN: '不明',
  },
  action: {
    TALKED: '通话安抚', KEYHOLDER: '有钥匙人上门', 'STATION-VISIT': '网点上门', VOLUNTEER: '志愿者上门', '120': '拨打 120', '119': '拨打 119',
    '110': '拨打 110', GP: '联系医生', FAMILY: '通知家属', ENGINEER: '派维修', CALLBACK: '约定回拨', NONE: '未采取行动',
  },
  outcome: {
    SAFE: '平安', LIFTED: '已扶起', 'TREATED-HOME': '在家处理', 'TO-HOSPITAL': '送医', ADMITTED: '住院', DECEASED: '去世',
    'NOT-FOUND': '未找到人', REFUSED: '本人拒绝', FALSE: '误报', 'DUPLICATE-OF': '重复', TRANSFERRED: '已移交',
    'CANCELLED-BY-CALLER': '本人取消', 'UNREACHED-ESCALATED': '未联系上，已上报',
  },
  refusal: {
    not_open: '没有这个求助事件', closed: '已经办结', still_open: '还没有办结', not_allowed: '您没有这项权限', not_yourself: '不能代替别人操作',
    not_yours: '这个求助由 {who} 负责', not_accepted: '还没有人接单', already_accepted: '{who} 已经接单', not_on_duty: '{who} 现在不在岗', not_offered: '没有派给您这里', support_answered: '{who} 已应答支援',
    unread_alarm: '老人又按了一次，请先看清', missing_codes: '办结项没有填全', missing_reason: '没有写原因', text_too_long: '文字太长',
    no_speech_needs_check: '无人应声的求助，没有通话、上门或联系人证实，不能按误报办结', hold_too_long: '挂起时间太长', hold_not_ahead: '挂起时间已过',
    bad_target: '不能转到那里', not_on_the_way: '这位上门人员不在路上', way_too_long: '路上时间太长', too_many_responders: '派出的人太多',
    reopen_too_late: '办结太久，不能重新处置', outbox_full: '等待发送的操作太多，请等待连接恢复', not_found: '没有找到，或者不归您这里', no_answer: '服务器没有应答',
  },
  review: {
    rang_to_the_last: '派单到最后一轮仍无人接单', answered_late: '接单过晚', 'outcome DECEASED': '结果：去世', 'outcome NOT-FOUND': '结果：未找到人',
    'outcome REFUSED': '结果：本人拒绝',
  },
  claim: { call_back: '回拨核实', send_somebody: '派人上门核实' },
  gone: { accepted_elsewhere: '别处已接单', closed: '已办结', out_of_scope: '已转到别处' },
  act: {
    accept: '接单', decline: '退单', start_talk: '通话中', still_on_it: '还在处理', hold: '挂起', end_hold: '结束挂起', try_contact: '电话结果',
    send_responder: '派人', delay_responder: '路上耽搁', arrive: '已到达', return_responder: '已返回', call_service: '拨打急救报警电话',
    ask_support: '请求支援', add_note: '备注', transfer: '转派', hand_over: '交接', resolve: '办结', reopen: '重新处置', follow_up: '回访',
    close_review: '完成复盘',
  },
  signed_out: { expired: '登录已过期', elsewhere: '已在别处登录', signed_out: '已退出', revoked: '账号已停用' },
  story: {
    IncidentOpened: '收到呼叫，求助事件开始', AlarmJoined: '又按了一次', Offered: '派单', OfferShown: '席位已显示', OfferUnseen: '没有席位显示',
    DutyPhoneRung: '响值班手机', OfferDeclined: '退单', Escalated: '逐级上报', Accepted: '接单', AcceptanceLapsed: '接单超时，重新派单',
    TalkStarted: '开始通话', StillOnIt: '还在处理', ProgressOverdue: '超时询问', HandedOver: '交接', Held: '挂起', HoldEnded: '挂起结束',
    ContactTried: '拨打电话', ResponderSent: '派人上门', ResponderSetOut: '已出发', ResponderDelayed: '路上耽搁', ResponderArrived: '已到达', ResponderReturned: '已返回',
    EmergencyServiceCalled: '拨打急救电话', SupportAsked: '请求支援', SupportAnswered: '应答支援', NoteAdded: '备注', ProtocolAnswered: '问答', Transferred: '转派', Resolved: '办结',
    Reopened: '重新处置', FollowUpDone: '回访', ReviewOpened: '开始复盘', ReviewClosed: '复盘完成',
  },
} as const;

export type Codes = { [Group in keyof typeof codesZh]: { [Code in keyof (typeof codesZh)[Group]]: string } };
