package lang

import "maps"

// word is one text: Serbian in Cyrillic, and English. Plural forms stand side by side, parted by "|": one, few and many
// in Serbian, one and other in English. {name} is a place for a value.
type word struct{ sr, en string }

// words are all texts by their keys. A test finds the ones that nobody uses and the ones that have one language only.
var words = join(frame, present, things, register, protocol)

func join(tables ...map[string]word) map[string]word {
	all := map[string]word{}
	for _, t := range tables {
		maps.Copy(all, t)
	}
	return all
}

// frame is what surrounds every page: navigation, log-in, errors.
var frame = map[string]word{
	"app.name": {"Капија", "Kapija"},

	"lang.name":  {"Српски", "English"},
	"lang.short": {"Срп", "En"},

	"nav.label":    {"Главна навигација", "Main navigation"},
	"nav.language": {"Језик и писмо", "Language and script"},
	"nav.skip":     {"Пређи на садржај", "Skip to content"},
	"nav.overview": {"Преглед", "Overview"},
	"nav.doors":    {"Врата", "Doors"},
	"nav.devices":  {"Уређаји", "Devices"},
	"nav.events":   {"Догађаји", "Events"},
	"nav.people":   {"Људи", "People"},

	"role.manager":      {"управник објекта", "facility manager"},
	"role.guard":        {"обезбеђење", "guard"},
	"role.technician":   {"техничар", "technician"},
	"role.tenant-admin": {"администратор закупца", "tenant administrator"},
	"role.viewer":       {"посматрач", "viewer"},

	"login.title":    {"Пријава", "Log in"},
	"login.user":     {"Корисничко име", "User name"},
	"login.password": {"Лозинка", "Password"},
	"login.in":       {"Пријави се", "Log in"},
	"login.out":      {"Одјави се", "Log out"},
	"login.wrong":    {"Корисничко име или лозинка нису тачни.", "The user name or the password is not right."},

	"password.title":  {"Промена лозинке", "Change password"},
	"password.first":  {"Прва лозинка је направљена аутоматски. Изаберите своју пре него што наставите.", "The first password was generated. Choose your own before you go on."},
	"password.old":    {"Садашња лозинка", "Present password"},
	"password.new":    {"Нова лозинка", "New password"},
	"password.again":  {"Нова лозинка, поново", "New password again"},
	"password.rule":   {"Најмање 10 знакова. Дужа реченица је боља од кратке лозинке са симболима.", "At least 10 characters. A longer phrase is better than a short password with symbols."},
	"password.change": {"Промени лозинку", "Change password"},
	"password.differ": {"Нова лозинка није оба пута иста.", "The new password was not the same twice."},
	"password.weak":   {"Нова лозинка је прекратка или је иста као садашња.", "The new password is too short or is the present one."},
	"password.wrong":  {"Садашња лозинка није тачна.", "The present password is not right."},

	"error.home":         {"Назад на преглед", "Back to the overview"},
	"error.invalid":      {"Унос није исправан", "The entry is not valid"},
	"error.not_found":    {"Овога нема", "There is nothing here"},
	"error.conflict":     {"Ово већ постоји", "This exists already"},
	"error.forbidden":    {"Немате право на ово", "You may not do this"},
	"error.rate_limited": {"Превише покушаја. Сачекајте минут па пробајте поново.", "Too many attempts. Wait a minute and try again."},
	"error.unauthorized": {"Потребна је пријава", "You need to log in"},
	"error.form_expired": {"Образац је застарео", "The form is out of date"},
	"error.foreign_form": {"Образац је стигао са другог сајта", "The form came from another site"},
	"error.internal":     {"Нешто није у реду на серверу", "Something is wrong on the server"},

	"help.invalid":      {"Вратите се и исправите унос.", "Go back and correct the entry."},
	"help.not_found":    {"Адреса је погрешна, или је оно што тражите у међувремену уклоњено.", "The address is wrong, or what you look for has been removed."},
	"help.conflict":     {"Неко је то у међувремену већ унео. Отворите страницу поново.", "Somebody entered it in the meantime. Open the page again."},
	"help.forbidden":    {"Ваша улога ово не дозвољава. Обратите се управнику објекта.", "Your role does not allow it. Ask the facility manager."},
	"help.rate_limited": {"Сервер привремено не прима нове покушаје.", "For a while the server takes no further attempts."},
	"help.unauthorized": {"Пријавите се па пробајте поново.", "Log in and try again."},
	"help.form_expired": {"Вратите се, освежите страницу и пошаљите образац поново. Ништа није промењено.", "Go back, reload the page and send the form again. Nothing was changed."},
	"help.foreign_form": {"Из предострожности ништа није промењено.", "To be safe, nothing was changed."},
	"help.internal":     {"Забележено је у дневнику сервера. Пробајте поново за који тренутак.", "It is in the server's log. Try again in a moment."},
}

// present is the state of the buildings now: numbers, bands, alarms, ages, curves.
var present = map[string]word{
	"live.live":       {"Уживо", "Live"},
	"live.stale":      {"Застарело", "Stale"},
	"live.lost":       {"Без везе", "No connection"},
	"live.connecting": {"Повезивање", "Connecting"},
	"live.at":         {"Стање у {time}", "As of {time}"},
	"live.never":      {"још без података", "no data yet"},
	"live.gone":       {"Веза са сервером је прекинута. Приказане су последње познате вредности.", "The connection to the server is lost. You see the last known values."},

	"ago.now":  {"управо сада", "just now"},
	"ago.s":    {"пре {n} s", "{n} s ago"},
	"ago.min":  {"пре {n} min", "{n} min ago"},
	"ago.h":    {"пре {n} h", "{n} h ago"},
	"ago.days": {"пре {n} дан|пре {n} дана|пре {n} дана", "{n} day ago|{n} days ago"},

	"alarm.title":  {"Аларми", "Alarms"},
	"alarm.none":   {"Нема отворених аларма", "No open alarms"},
	"alarm.count":  {"{n} отворен аларм|{n} отворена аларма|{n} отворених аларма", "{n} open alarm|{n} open alarms"},
	"alarm.more":   {"још {n} аларм|још {n} аларма|још {n} аларма", "{n} more alarm|{n} more alarms"},
	"alarm.forced": {"Насилно отворена врата", "Door forced"},
	"alarm.held":   {"Предуго отворена врата", "Door held open"},
	"alarm.silent": {"Контролер се не јавља", "Gateway is silent"},
	"alarm.since":  {"од {time}", "since {time}"},

	"band.unknown":  {"непознато", "unknown"},
	"band.empty":    {"празно", "empty"},
	"band.quiet":    {"мирно", "quiet"},
	"band.moderate": {"умерено", "moderate"},
	"band.busy":     {"живо", "busy"},
	"band.full":     {"пуно", "full"},
	"band.over":     {"преко капацитета", "over capacity"},

	"fact.of":       {"од", "of"},
	"fact.estimate": {"процена {low}–{high}", "estimate {low}–{high}"},
	"fact.entered":  {"Ушло данас", "In today"},
	"fact.left":     {"Изашло данас", "Out today"},
	"fact.usual":    {"± уобичајено", "± usual"},
	"fact.doors":    {"Врата у реду", "Doors well"},
	"fact.gateways": {"Контролери", "Gateways"},
	"fact.air":      {"Највише CO₂", "Most CO₂"},

	"curve.title":    {"Данас", "Today"},
	"curve.capacity": {"капацитет", "capacity"},
	"curve.peak":     {"највише {n} у {time}", "peak {n} at {time}"},
	"curve.empty":    {"још нема података за данас", "nothing recorded today yet"},
	"curve.failed":   {"историја тренутно није доступна", "history is not available now"},

	"plan.label":  {"План: {floor}. Бројеви су у табели зона.", "Plan: {floor}. The numbers are in the table of zones."},
	"plan.legend": {"Легенда", "Legend"},

	"place.outside": {"споља", "outside"},
}

// things are zones, doors, gateways and their devices.
var things = map[string]word{
	"building.now":     {"Сада", "Now"},
	"building.plan":    {"План", "Plan"},
	"building.zones":   {"Зоне", "Zones"},
	"building.sources": {"Извори података о згради", "Sources of the building's facts"},

	"zone.name":        {"Зона", "Zone"},
	"zone.floor":       {"Спрат", "Floor"},
	"zone.people":      {"Људи", "People"},
	"zone.capacity":    {"Капацитет", "Capacity"},
	"zone.band":        {"Попуњеност", "Occupancy"},
	"zone.range":       {"Процена", "Estimate"},
	"zone.air":         {"Ваздух", "Air"},
	"zone.temperature": {"Темп.", "Temp."},
	"zone.humidity":    {"Влажност", "Humidity"},
	"zone.assumed":     {"Капацитет је претпоставка по површини, није званичан податак.", "The capacity is assumed from the area; it is not an official figure."},

	"doors.sub":       {"Стање како га види контролер", "State as the gateway sees it"},
	"door.name":       {"Врата", "Door"},
	"door.way":        {"Пролаз", "Way"},
	"door.state":      {"Стање", "State"},
	"door.lock":       {"Брава", "Lock"},
	"door.mode":       {"Режим", "Mode"},
	"door.last":       {"Последњи догађај", "Last event"},
	"door.unknown":    {"непознато", "unknown"},
	"door.forced":     {"насилно отворена", "forced"},
	"door.held":       {"предуго отворена", "held open"},
	"door.no_contact": {"без контакта", "no contact"},
	"door.open":       {"отворена", "open"},
	"door.closed":     {"затворена", "closed"},
	"door.locked":     {"закључана", "locked"},
	"door.unlocked":   {"откључана", "unlocked"},

	"mode.secure":       {"по овлашћењу", "secure"},
	"mode.card_and_pin": {"картица и ПИН", "card and PIN"},
	"mode.free_access":  {"сваки важећи беџ", "every valid badge"},
	"mode.unlocked":     {"слободан пролаз", "unlocked"},
	"mode.lockdown":     {"блокада", "lockdown"},
	"mode.disabled":     {"искључена", "disabled"},

	"devices.sub":     {"Контролери и оно што виси на њима", "Gateways and what hangs on them"},
	"device.gateway":  {"Контролер", "Gateway"},
	"device.state":    {"Стање", "State"},
	"device.heard":    {"Последњи глас", "Last heard"},
	"device.version":  {"Верзија", "Version"},
	"device.queue":    {"У реду", "Queue"},
	"device.clock":    {"Сат", "Clock"},
	"device.policy":   {"Правила", "Policy"},
	"device.devices":  {"Уређаји", "Devices"},
	"device.online":   {"јавља се", "online"},
	"device.silent":   {"ћути", "silent"},
	"device.offline":  {"не одговара", "does not answer"},
	"clock.synced":    {"усклађен", "synced"},
	"clock.held":      {"држи се", "held"},
	"clock.unset":     {"није подешен", "not set"},
	"events.sub":      {"Најновији прво", "Newest first"},
	"events.all":      {"Све зграде", "All buildings"},
	"events.filter":   {"Зграда", "Building"},
	"events.none":     {"Још нема догађаја.", "No events yet."},
	"event.at":        {"Време", "Time"},
	"event.building":  {"Зграда", "Building"},
	"event.where":     {"Место", "Place"},
	"event.what":      {"Догађај", "Event"},
	"event.why":       {"Разлог", "Reason"},
	"event.badge":     {"Беџ", "Badge"},
	"event.late":      {"касно", "late"},
	"event.late_long": {"Забележено више од два минута пре него што је стигло.", "Recorded more than two minutes before it arrived."},
	"event.unsure":    {"сат није подешен", "clock not set"},
}

// register is people and badges.
var register = map[string]word{
	"people.sub":    {"Особе, беџеви и нивои приступа", "Persons, badges and access levels"},
	"people.search": {"Име, компанија или ознака", "Name, company or ID"},
	"people.find":   {"Тражи", "Search"},
	"people.count":  {"{n} особа|{n} особе|{n} особа", "{n} person|{n} persons"},
	"people.none":   {"Нема таквих особа.", "No such persons."},
	"people.add":    {"Нова особа", "New person"},
	"people.save":   {"Сачувај", "Save"},
	"people.cancel": {"Одустани", "Cancel"},
	"people.back":   {"Сви људи", "All people"},
	"people.pages":  {"Странице", "Pages"},
	"people.prev":   {"Претходна", "Previous"},
	"people.next":   {"Следећа", "Next"},

	"person.name":         {"Име", "Name"},
	"person.company":      {"Компанија", "Company"},
	"person.levels":       {"Нивои приступа", "Access levels"},
	"person.badges":       {"Беџеви", "Badges"},
	"person.state":        {"Стање", "State"},
	"person.time":         {"Време отварања", "Release time"},
	"person.active":       {"активна", "active"},
	"person.suspended":    {"обустављена", "suspended"},
	"person.normal":       {"уобичајено", "normal"},
	"person.extended":     {"дуже, за приступачност", "longer, for accessibility"},
	"person.suspend":      {"Обустави приступ", "Suspend access"},
	"person.suspend_hint": {"Ниједан беџ ове особе неће отварати врата док се приступ не врати.", "No badge of this person opens a door until access is resumed."},
	"person.resume":       {"Врати приступ", "Resume access"},

	"badge.hint":        {"Завршава се на", "Ends in"},
	"badge.format":      {"Формат", "Format"},
	"badge.id":          {"Ознака", "ID"},
	"badge.until":       {"Важи до", "Valid until"},
	"badge.until_field": {"Важи до (необавезно)", "Valid until (optional)"},
	"badge.from_field":  {"Важи од (необавезно)", "Valid from (optional)"},
	"badge.facility":    {"Код објекта", "Facility code"},
	"badge.number":      {"Број картице", "Card number"},
	"badge.none":        {"Нема беџева.", "No badges."},
	"badge.no_end":      {"без краја", "no end"},
	"badge.valid":       {"важи", "valid"},
	"badge.expired":     {"истекао", "expired"},
	"badge.early":       {"важи од {date}", "valid from {date}"},
	"badge.revoked":     {"опозван {date}", "revoked {date}"},
	"badge.revoke":      {"Опозови", "Revoke"},
	"badge.revoke_now":  {"Опозови беџ", "Revoke badge"},
	"badge.sure":        {"Опозвати беџ {hint} особе {name}? Ово се не може вратити.", "Revoke badge {hint} of {name}? This cannot be undone."},
	"badge.add":         {"Додај беџ", "Add a badge"},
	"badge.add_now":     {"Додај беџ", "Add badge"},
	"badge.privacy":     {"Број се не чува: остају само кључ и последње две цифре.", "The number is not kept: only its key and the last two digits are."},

	"done.added":     {"Беџ је додат. Врата ће га препознати за који тренутак.", "The badge was added. Doors will know it in a moment."},
	"done.revoked":   {"Беџ је опозван.", "The badge was revoked."},
	"done.suspended": {"Приступ је обустављен.", "Access was suspended."},
	"done.resumed":   {"Приступ је враћен.", "Access was resumed."},

	"error.name_needed":    {"Упишите име.", "Enter a name."},
	"badge.weak":           {"лако се копира", "easily copied"},
	"badge.proven":         {"доказује своју тајну", "proves its secret"},
	"error.format_needed":  {"Изаберите формат картице.", "Choose a card format."},
	"error.facility_wrong": {"Код објекта је број без размака и слова.", "The facility code is a number without spaces or letters."},
	"error.number_wrong":   {"Број картице је број без размака и слова, онако како пише на картици.", "The card number is a number without spaces or letters, as printed on the card."},
	"error.card_taken":     {"Ова картица је већ издата. Прво опозовите тај беџ, или узмите другу картицу.", "This card is given out already. Revoke that badge first, or take another card."},
	"error.card_wrong":     {"Код објекта или број не стају у изабрани формат картице.", "The facility code or the number does not fit the chosen card format."},
	"error.date_wrong":     {"Датум није исправан, или је крај пре почетка.", "A date is not valid, or the end is before the beginning."},
}
