import Foundation
import ModelFiles
import Testing

struct HFConfigTests {
    private func config(_ members: String) throws -> HFConfig {
        try HFConfig(json: JSONValue.parse("{\"model_type\":\"bert\",\(members)}"), path: "c")
    }

    @Test func reads() throws {
        let config = try config(
            #""size":384,"eps":1e-12,"act":"gelu","tie":true,"id2label":{"0":"no","1":"yes"},"unset":null"#)
        #expect(config.modelType == "bert")
        #expect(try config.int("size", in: 1...1000) == 384)
        #expect(try config.double("eps", in: 0...1) == 1e-12)
        #expect(try config.string("act") == "gelu")
        #expect(try config.string("act", oneOf: ["relu", "gelu"]) == "gelu")
        #expect(try config.bool("tie") == true)
        #expect(try config.stringMap("id2label") == ["0": "no", "1": "yes"])
        #expect(try config.stringMap("none") == nil)
        #expect(try config.strings("act") == ["gelu"])
        #expect(try config.strings("none") == nil)
        #expect(try self.config(#""terms":"p2c | c2p""#).strings("terms") == ["p2c", "c2p"])
        #expect(try self.config(#""terms":["p2c","c2p"]"#).strings("terms") == ["p2c", "c2p"])
        #expect(try config.int("unset", in: 0...1, default: 7) == 7)
        #expect(try config.double("none", in: 0...1, default: 0.5) == 0.5)
        #expect(try config.string("none", oneOf: ["a"], default: "a") == "a")
        #expect(try config.bool("none", default: false) == false)
        #expect(config.value("size")?.int == 384)
        #expect(config.value("unset") == nil)
    }

    @Test func reportsKeysNobodyRead() throws {
        let config = try config(
            #""size":1,"rope_scaling":{"factor":2},"torch_dtype":"float32","unset":null,"act":"x""#)
        #expect(config.unreadKeys == ["size", "rope_scaling", "act"])
        let copy = config
        _ = try copy.int("size", in: 0...1)
        _ = try? copy.int("act", in: 0...1)
        #expect(config.unreadKeys == ["rope_scaling"])
        #expect(config.raw["rope_scaling"]?["factor"]?.int == 2)
        #expect(config.unreadKeys == ["rope_scaling"])
    }

    /// An object inside another is read as one of its own, whose keys have a path.
    @Test func nestedObjects() throws {
        let config = try config(
            #""size":1,"inner":{"model_type":"x","size":"2","odd":3,"id2label":{}},"n":4"#)
        #expect(config.unreadKeys == ["size", "inner", "n"])
        let inner = try config.nested("inner")
        #expect(inner.modelType == "x" && config.modelType == "bert" && inner.named("size") == "inner.size")
        #expect(config.unreadKeys == ["size", "inner.size", "inner.odd", "n"])
        let error = #expect(throws: ModelFileError.self) { try inner.int("size", in: 0...9) }
        #expect("\(try #require(error))".contains("key 'inner.size': the string '2' is not an integer"))
        #expect(config.unreadKeys == ["size", "inner.odd", "n"] && inner.unreadKeys == ["inner.odd"])
        #expect(try config.nested("none").int("size", in: 0...9, default: 7) == 7)
        let other = #expect(throws: ModelFileError.self) { try config.nested("n") }
        #expect("\(try #require(other))".contains("key 'n': 4 is not an object"))
        let deep = try self.config(#""a":{"b":{"c":1}}"#).nested("a").nested("b")
        #expect(deep.unreadKeys == ["a.b.c"])
    }

    struct Row: Sendable {
        let members: String
        let read: @Sendable (HFConfig) throws -> Void
        let problem: String
    }

    @Test(arguments: [
        Row(members: #""x":1"#, read: { _ = try $0.int("k", in: 0...1) }, problem: "missing"),
        Row(members: #""k":null"#, read: { _ = try $0.string("k") }, problem: "missing"),
        Row(members: #""k":1.5"#, read: { _ = try $0.int("k", in: 0...9) }, problem: "1.5 is not an integer"),
        Row(
            members: #""k":"1""#, read: { _ = try $0.int("k", in: 0...9) },
            problem: "the string '1' is not an integer"),
        Row(members: #""k":12"#, read: { _ = try $0.int("k", in: 0...9) }, problem: "12 is outside 0...9"),
        Row(
            members: #""k":1e300"#, read: { _ = try $0.int("k", in: 0...9) },
            problem: "1e+300 is not an integer"),
        Row(
            members: #""k":12"#, read: { _ = try $0.int("k", in: 0...9, default: 1) },
            problem: "12 is outside 0...9"),
        Row(
            members: #""k":[]"#, read: { _ = try $0.double("k", in: 0...1) },
            problem: "an array of 0 is not a number"),
        Row(
            members: #""k":2"#, read: { _ = try $0.double("k", in: 0...1) },
            problem: "2.0 is outside 0.0...1.0"),
        Row(members: #""k":2"#, read: { _ = try $0.string("k") }, problem: "2 is not a string"),
        Row(
            members: #""k":"c""#, read: { _ = try $0.string("k", oneOf: ["a", "b"]) },
            problem: "'c' is not supported, only 'a', 'b'"),
        Row(members: #""k":1"#, read: { _ = try $0.bool("k") }, problem: "1 is neither true nor false"),
        Row(
            members: #""k":1"#, read: { _ = try $0.stringMap("k") },
            problem: "1 is not an object of strings"),
        Row(
            members: #""k":1"#, read: { _ = try $0.strings("k") },
            problem: "1 is neither a string nor a list of strings"),
        Row(
            members: #""k":["a",1]"#, read: { _ = try $0.strings("k") },
            problem: "the list holds 1, not only strings"),
        Row(
            members: #""k":{"0":1}"#, read: { _ = try $0.stringMap("k") },
            problem: "the value of '0' is 1, not a string"),
    ])
    func refuses(_ row: Row) throws {
        let config = try config(row.members)
        #expect(
            message { try row.read(config) }
                == "c: key 'k': \(row.problem); "
                + "check that this model is of a supported kind and its config.json complete")
    }

    @Test func refusedFiles() {
        let advice = "check that this is a model's config.json"
        #expect(
            message { _ = try HFConfig(json: .array([]), path: "c") }
                == "c: this is an array of 0, not an object; \(advice)")
    }
}
