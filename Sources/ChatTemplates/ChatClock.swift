import Foundation

/// The time that `strftime_now` shows: fixed by the caller, so that a run can be repeated.
package struct ChatClock: Sendable, Equatable {
    let year: Int
    let month: Int
    let day: Int
    let hour: Int
    let minute: Int
    let second: Int

    /// Nil for what is no date of the years 1 to 9999 or no time of a day.
    package init?(year: Int, month: Int, day: Int, hour: Int = 0, minute: Int = 0, second: Int = 0) {
        guard (1...9999).contains(year), (1...12).contains(month), day >= 1,
            day <= Self.days(of: month, year), (0..<24).contains(hour), (0..<60).contains(minute),
            (0..<60).contains(second)
        else { return nil }
        (self.year, self.month, self.day) = (year, month, day)
        (self.hour, self.minute, self.second) = (hour, minute, second)
    }

    /// The time in UTC; nil beyond the year 9999.
    ///
    /// - Parameter unixTime: seconds since 1970.
    package init?(unixTime: Int) {
        guard (0..<253_402_300_800).contains(unixTime) else { return nil }
        var days = unixTime / 86_400
        var year = 1970
        while days >= Self.days(in: year) {
            days -= Self.days(in: year)
            year += 1
        }
        var month = 1
        while days >= Self.days(of: month, year) {
            days -= Self.days(of: month, year)
            month += 1
        }
        let seconds = unixTime % 86_400
        self.init(
            year: year, month: month, day: days + 1, hour: seconds / 3600, minute: seconds / 60 % 60,
            second: seconds % 60)
    }

    private static func isLeap(_ year: Int) -> Bool {
        year.isMultiple(of: 4) && (!year.isMultiple(of: 100) || year.isMultiple(of: 400))
    }

    private static func days(in year: Int) -> Int { isLeap(year) ? 366 : 365 }

    private static func days(of month: Int, _ year: Int) -> Int {
        month == 2 ? (isLeap(year) ? 29 : 28) : [4, 6, 9, 11].contains(month) ? 30 : 31
    }

    private var dayOfYear: Int { (1..<month).reduce(day) { $0 + Self.days(of: $1, year) } }

    /// 0 is Sunday.
    private var weekday: Int {
        let before = year - 1
        return (before * 365 + before / 4 - before / 100 + before / 400 + dayOfYear) % 7
    }

    private static let weekdays = [
        "Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday",
    ]
    private static let months = [
        "January", "February", "March", "April", "May", "June", "July", "August", "September", "October",
        "November", "December",
    ]

    /// C's `strftime` in the C locale, with glibc's `-` for numbers without padding.
    ///
    /// - Throws: `Fault` for an unknown directive.
    func formatted(_ format: String) throws -> String {
        var text = ""
        var characters = Array(format)[...]
        while let character = characters.popFirst() {
            guard character == "%" else {
                text.append(character)
                continue
            }
            let isPlain = characters.first == "-"
            if isPlain { characters.removeFirst() }
            guard let letter = characters.popFirst() else {
                throw Fault.unsupported("a time format that ends with '%'")
            }
            var field = try self.field(letter)
            if isPlain {
                while field.count > 1, field.first == "0" || field.first == " " { field.removeFirst() }
            }
            text += field
        }
        return text
    }

    private func field(_ letter: Character) throws -> String {
        func number(_ value: Int, _ digits: Int, _ fill: String = "0") -> String {
            let text = String(value)
            return String(repeating: fill, count: max(0, digits - text.count)) + text
        }
        switch letter {
        case "Y": return String(year)
        case "y": return number(year % 100, 2)
        case "m": return number(month, 2)
        case "d": return number(day, 2)
        case "e": return number(day, 2, " ")
        case "H": return number(hour, 2)
        case "I": return number((hour + 11) % 12 + 1, 2)
        case "M": return number(minute, 2)
        case "S": return number(second, 2)
        case "f": return "000000"
        case "j": return number(dayOfYear, 3)
        case "p": return hour < 12 ? "AM" : "PM"
        case "w": return String(weekday)
        case "u": return String((weekday + 6) % 7 + 1)
        case "A": return Self.weekdays[weekday]
        case "a": return String(Self.weekdays[weekday].prefix(3))
        case "B": return Self.months[month - 1]
        case "b", "h": return String(Self.months[month - 1].prefix(3))
        case "F": return try formatted("%Y-%m-%d")
        case "T", "X": return try formatted("%H:%M:%S")
        case "R": return try formatted("%H:%M")
        case "D", "x": return try formatted("%m/%d/%y")
        case "c": return try formatted("%a %b %e %H:%M:%S %Y")
        // Python's time has no zone here.
        case "Z", "z": return ""
        case "n": return "\n"
        case "t": return "\t"
        case "%": return "%"
        default: throw Fault.unsupported("the time format '%\(letter)'")
        }
    }
}
