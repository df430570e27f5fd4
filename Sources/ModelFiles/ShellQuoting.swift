import Messages

/// Text as one word of a command line: a shell reads it back byte for byte. For command lines that people paste.
///
/// A name that begins with a dash gets `./` in front, which commands take for a path and not for an option. Line ends
/// and other control characters are written as bash reads them (`$'\012'`), so that a message stays one line.
package func shellQuoted(_ text: String) -> String {
    let text = text.hasPrefix("-") ? "./" + text : text
    func isPlain(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"):
            true
        default: "/._-+,:@%=".utf8.contains(byte)
        }
    }
    if !text.isEmpty && text.utf8.allSatisfy(isPlain) { return text }
    // What a message would show in another way.
    guard oneLine(text, limit: text.unicodeScalars.count) != text else {
        return "'" + text.replacing("'", with: #"'\''"#) + "'"
    }
    var quoted = ""
    for scalar in text.unicodeScalars {
        let isShown = oneLine(String(scalar)) == String(scalar) && scalar != "'" && scalar != "\\"
        for byte in isShown ? [] : Array(String(scalar).utf8) {
            let digits = String(byte, radix: 8)
            quoted += "\\" + String(repeating: "0", count: 3 - digits.count) + digits
        }
        if isShown { quoted += String(scalar) }
    }
    return "$'" + quoted + "'"
}
