import Foundation
import ModelFiles
import Testing

struct JSONTests {
    @Test(arguments: [
        ("null", JSONValue.null), (" true ", .bool(true)), ("false", .bool(false)), ("0", .number(0)),
        ("-0", .number(-0.0)), ("123456789012345", .number(123_456_789_012_345)), ("-1.5e3", .number(-1500)),
        ("1E-2", .number(0.01)), ("2.5e+1", .number(25)), ("0.1", .number(0.1)),
        ("9007199254740991", .number(9_007_199_254_740_991)),
        ("9007199254740993", .largeInteger("9007199254740993")),
        ("-12345678901234567890", .largeInteger("-12345678901234567890")),
        ("9007199254740993.0", .number(9_007_199_254_740_992)),
        ("1.7976931348623157e308", .number(.greatestFiniteMagnitude)),
        ("5e-324", .number(.leastNonzeroMagnitude)), ("1e-999", .number(0)),
        ("0e99999999999999999999", .number(0)),
        ("0.30000000000000004", .number(0.1 + 0.2)), ("123456789e-20", .number(123456789e-20)),
        (#""""#, .string("")), (#""a\"\\\/\b\f\n\r\tz""#, .string("a\"\\/\u{8}\u{C}\n\r\tz")),
        (#""\u00e4\u20AC\ud83d\ude00""#, .string("ä€😀")), ("\"ä€😀\u{7F}\"", .string("ä€😀\u{7F}")),
        (#""\u0000""#, .string("\0")), ("[]", .array([])),
        ("[1, [2],\n{}]", .array([.number(1), .array([.number(2)]), .object([:])])),
        (#"{"b":1,"a":{"c":null}}"#, .object(["a": .object(["c": .null]), "b": .number(1)])),
    ])
    func reads(_ text: String, _ value: JSONValue) throws {
        let read = try JSONValue.parse(text)
        #expect(read == value)
        if case .number(let expected) = value { #expect(read.double?.bitPattern == expected.bitPattern) }
        #expect(try JSONValue.parse(value.bytes()) == value)
        #expect(try JSONValue.parse(value.bytes(pretty: true)) == value)
    }

    @Test(arguments: [
        ("", "line 1, byte 0: the text is empty"),
        (" \n", "line 2, byte 2: the text is empty"),
        ("{\"a\":1,\n\"a\":2}", "line 2, byte 8: duplicate key 'a'"),
        (#"{"a":1,"\u0061":2}"#, "line 1, byte 7: duplicate key 'a'"),
        ("[1,]", "line 1, byte 3: ']' where a value should begin"),
        ("[1 2]", "line 1, byte 3: '2' where ',' or ']' should follow an element"),
        ("[1", "line 1, byte 2: the end of the text where ',' or ']' should follow an element"),
        ("[", "line 1, byte 1: a value is missing at the end of the text"),
        ("{\"a\":1,}", "line 1, byte 7: '}' where a key should begin"),
        ("{a:1}", "line 1, byte 1: 'a' where a key should begin"),
        ("{\"a\" 1}", "line 1, byte 5: '1' where ':' should follow a key"),
        ("{\"a\":1 \"b\":2}", "line 1, byte 7: '\"' where ',' or '}' should follow a member"),
        ("1 2", "line 1, byte 2: '2' after the end of the value"),
        ("nul", "line 1, byte 0: 'n' where a value should begin"),
        ("NaN", "line 1, byte 0: 'N' where a value should begin"),
        ("'a'", "line 1, byte 0: ''' where a value should begin"),
        ("\u{FEFF}1", "line 1, byte 0: a byte order mark, which JSON does not allow"),
        ("01", "line 1, byte 0: a number with a leading zero"),
        ("-", "line 1, byte 0: a number without digits"),
        ("+1", "line 1, byte 0: '+' where a value should begin"),
        ("1.", "line 1, byte 0: a number without digits after its point"),
        (".5", "line 1, byte 0: '.' where a value should begin"),
        ("1e", "line 1, byte 0: a number without digits in its exponent"),
        ("1e999", "line 1, byte 0: the number '1e999' is out of range"),
        ("\"a", "line 1, byte 0: a string does not end"),
        ("\"a\\n", "line 1, byte 0: a string does not end"),
        ("\"a\nb\"", "line 1, byte 2: a control character inside a string"),
        (#""\x""#, "line 1, byte 1: an unknown escape"),
        ("\"\\", "line 1, byte 1: an escape is cut off"),
        (#""\u12"#, "line 1, byte 1: an escape is cut off"),
        (#""\u12g4""#, "line 1, byte 1: an escape without four hexadecimal digits"),
        (#""\ud83d""#, "line 1, byte 1: a lone surrogate"),
        (#""\ude00""#, "line 1, byte 1: a lone surrogate"),
        (#""\ud83d\u0041""#, "line 1, byte 1: a lone surrogate"),
        (#""\ud83dx""#, "line 1, byte 1: a lone surrogate"),
    ])
    func refuses(_ text: String, _ error: String) {
        #expect(message { _ = try JSONValue.parse(text) } == error)
    }

    @Test(
        arguments: [
            [0xFF], [0xC0, 0x80], [0xED, 0xA0, 0x80], [0xF4, 0x90, 0x80, 0x80], [0xC3], [0x5C, 0x6E, 0x80],
        ] as [[UInt8]])
    func refusesInvalidUTF8(_ bytes: [UInt8]) {
        let text = [0x20, 0x22] + bytes + [0x22]
        #expect(
            message { _ = try JSONValue.parse(text) } == "line 1, byte 1: a string that is not valid UTF-8")
    }

    @Test func limits() throws {
        func nested(_ depth: Int) -> String {
            String(repeating: "[", count: depth) + String(repeating: "]", count: depth)
        }
        #expect(throws: Never.self) { try JSONValue.parse(nested(64)) }
        #expect(
            message { _ = try JSONValue.parse(nested(65)) } == "line 1, byte 64: nested deeper than 64 levels"
        )
        let deep = String(repeating: "{\"a\":", count: 1_000_000)
        #expect(message { _ = try JSONValue.parse(deep) } == "line 1, byte 320: nested deeper than 64 levels")
        #expect(
            message { _ = try JSONValue.parse("[1,2]", limits: JSONLimits(byteCount: 4)) }
                == "line 1, byte 0: the text has 5 bytes, the limit is 4")
        // Values and strings are counted before anything is built, also behind escaped quotes.
        let values = JSONLimits(values: 4, textBytes: 8)
        for text in [#"[1,[2,{"a":"b"}]]"#, "[1,2,3,4,5,6]", "[[[[[[[[["] {
            #expect(
                message { _ = try JSONValue.parse(text, limits: values) }
                    == "line 1, byte 0: the text has more than 4 values")
        }
        #expect(throws: Never.self) { try JSONValue.parse(#"["\\",",[{"]"#, limits: values) }
        #expect(
            message { _ = try JSONValue.parse(#"["abc\"def"]"#, limits: values) }
                == "line 1, byte 0: the text has more than 8 bytes of strings")
        let folder = try TemporaryFolder()
        try folder.write("f", "[1,2]")
        #expect(
            message(folder) { _ = try JSONValue.read(folder.path("f"), limits: JSONLimits(byteCount: 4)) }
                == "DIR/f: the file has 5 bytes, the limit is 4; check that this is the right file")
    }

    @Test func accessors() throws {
        let value = try JSONValue.parse(
            #"{"i":3.0,"f":3.5,"big":9007199254740993,"s":"x","b":true,"n":null,"a":[1]}"#)
        #expect(value["i"]?.int == 3)
        #expect(value["f"]?.int == nil)
        #expect(value["f"]?.double == 3.5)
        #expect(value["big"]?.int == nil)
        #expect(value["big"]?.double == 9_007_199_254_740_992)
        #expect(value["s"]?.string == "x")
        #expect(value["b"]?.bool == true)
        #expect(value["n"]?.isNull == true)
        #expect(value["a"]?.array == [.number(1)])
        #expect(value["none"] == nil)
        #expect(value["s"]?["x"] == nil)
        #expect(value.object?.keys == ["i", "f", "big", "s", "b", "n", "a"])
        #expect(JSONValue(-9_007_199_254_740_991).int == -9_007_199_254_740_991)
    }

    @Test func objectsKeepOrderAndBytes() throws {
        var object = JSONObject()
        for index in 0..<20 { object["k\(index)"] = JSONValue(index) }
        object["k3"] = .string("new")
        object["k4"] = nil
        #expect(object.count == 19)
        #expect(object.keys.prefix(5) == ["k0", "k1", "k2", "k3", "k5"])
        #expect(object["k3"] == .string("new"))
        #expect(object["k4"] == nil)
        #expect(object["k19"]?.int == 19)
        // A vocabulary may hold the composed and the decomposed form, which Swift calls equal.
        let both = try JSONValue.parse("{\"\u{E9}\":1,\"e\u{301}\":2}")
        #expect(both["\u{E9}"]?.int == 1)
        #expect(both["e\u{301}"]?.int == 2)
    }

    @Test func writes() {
        let value: JSONValue = .object([
            "z": .array([
                .number(1), .number(-0.0), .number(0.1), .number(1e21), .number(1e-7), .number(.nan),
            ]),
            "a\"\u{1}ä/": .string("\\\n\u{1F}"), "empty": .object([:]), "list": .array([]), "t": .bool(true),
        ])
        #expect(
            value.text()
                == #"{"z":[1,-0.0,0.1,1e+21,1e-07,null],"a\"\u0001ä/":"\\\n\u001f","#
                + #""empty":{},"list":[],"t":true}"#
        )
        let short: JSONValue = .object(["a": .array([.number(1), .object(["b": .null])]), "c": .array([])])
        #expect(
            short.text(pretty: true) == """
                {
                  "a": [
                    1,
                    {
                      "b": null
                    }
                  ],
                  "c": []
                }
                """)
    }
}
