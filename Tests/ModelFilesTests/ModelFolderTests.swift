import Foundation
import ModelFiles
import Testing

struct ModelFolderTests {
    static let mixedUp = "index and shards are of different models: download all of them again"

    /// A folder with two shards (a in one, b in two) and this weight map.
    private func folder(_ map: String) throws -> TemporaryFolder {
        let folder = try TemporaryFolder()
        for (name, shard) in [("a", "one"), ("b", "two")] {
            let tensor = TensorToWrite(name: name, shape: [1], values: [1])
            try SafetensorsWriter.write([tensor], metadata: [:], to: folder.path(shard))
        }
        try FileManager.default.createDirectory(
            at: folder.path("sub"), withIntermediateDirectories: false)
        try folder.write("model.safetensors.index.json", "{\"weight_map\":\(map)}")
        return folder
    }

    struct Row: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let map: String
        let message: String

        init(_ name: String, _ map: String, _ message: String) {
            (testDescription, self.map, self.message) = (name, map, message)
        }

        /// A fault in the index itself.
        init(_ name: String, _ map: String, index: String, _ advice: String = mixedUp) {
            self.init(name, map, "DIR/model.safetensors.index.json: \(index); \(advice)")
        }
    }

    static let distrust = "do not use this model unless you trust its source"

    @Test(arguments: [
        Row(
            "no map", "null", index: "weight_map: missing, empty, or not an object", "download the file again"
        ),
        Row(
            "empty map", "{}", index: "weight_map: missing, empty, or not an object",
            "download the file again"),
        Row(
            "missing shard", #"{"a":"one","b":"three"}"#,
            "DIR/three: the index names this shard, but it is missing; download all of the model's 2 shards"),
        Row(
            "swapped", #"{"a":"two","b":"one"}"#, index: "tensor 'a': the index says 'two', it is in 'one'"),
        Row(
            "unlisted tensor", #"{"b":"two","c":"one"}"#,
            index: "tensor 'a': it is in 'one', but not in the index"),
        Row(
            "absent tensor", #"{"a":"one","b":"two","c":"one"}"#,
            index: "tensor 'c': the index says 'one', but it is not there"),
        Row(
            "absolute path", #"{"a":"/etc/passwd"}"#,
            index: "tensor 'a': its shard is the string '/etc/passwd', not the name of a file in this folder",
            distrust),
        Row(
            "parent folder", #"{"a":"../one"}"#,
            index: "tensor 'a': its shard is the string '../one', not the name of a file in this folder",
            distrust),
        Row(
            "dots", #"{"a":".."}"#,
            index: "tensor 'a': its shard is the string '..', not the name of a file in this folder", distrust
        ),
        Row(
            "NUL", #"{"a":"one\u0000.x"}"#,
            index: "tensor 'a': its shard is the string 'one\\u{0}.x', not the name of a file in this folder",
            distrust),
        Row(
            "deeper folder", #"{"a":"sub/one"}"#,
            index: "tensor 'a': its shard is the string 'sub/one', not the name of a file in this folder",
            distrust),
        Row(
            "empty name", #"{"a":""}"#,
            index: "tensor 'a': its shard is the string '', not the name of a file in this folder", distrust),
        Row(
            "map an array", #"["one"]"#, index: "weight_map: missing, empty, or not an object",
            "download the file again"),
        Row(
            "tensor twice", #"{"a":"one","a":"two"}"#, index: "line 1, byte 25: duplicate key 'a'",
            "the file must be JSON: check it, or download it again"),
        Row("a folder as shard", #"{"a":"sub"}"#, "DIR/sub: this is a folder; give the path of a file"),
        Row(
            "a shard that is no safetensors file", #"{"a":"model.safetensors.index.json"}"#,
            "DIR/model.safetensors.index.json: the header's length is 8388068008349082235 bytes, the limit is "
                + "100000000; check that this is a safetensors file"),
        Row(
            "not a name", #"{"a":1}"#,
            index: "tensor 'a': its shard is 1, not the name of a file in this folder",
            distrust),
    ])
    func refusedIndex(_ row: Row) throws {
        let folder = try folder(row.map)
        #expect(message(folder) { _ = try TensorStore(modelFolder: folder.url) } == row.message)
    }

    @Test func aTensorInTwoShards() throws {
        let folder = try folder(#"{"a":"one","b":"two"}"#)
        #expect(try TensorStore(modelFolder: folder.url).tensors.map(\.fileName) == ["one", "two"])
        let tensors = ["a", "b"].map { TensorToWrite(name: $0, shape: [1], values: [1]) }
        try SafetensorsWriter.write(tensors, metadata: [:], to: folder.path("two"))
        #expect(
            message(folder) { _ = try TensorStore(modelFolder: folder.url) }
                == "DIR/two: tensor 'a': one holds a tensor of this name too; "
                + "keep the files of one model only"
        )
    }

    @Test func foldersWithoutSafetensors() throws {
        let folder = try TemporaryFolder()
        #expect(
            message(folder) { _ = try TensorStore(modelFolder: folder.path("none")) }
                == "DIR/none: no such folder; check the path")
        #expect(
            message(folder) { _ = try TensorStore(modelFolder: folder.url) }
                == "DIR: neither model.safetensors nor model.safetensors.index.json is in this folder; "
                + "download the model's weights")
        try folder.write("pytorch_model.bin", [0x80, 2])
        #expect(
            message(folder) { _ = try TensorStore(modelFolder: folder.url) }
                == "DIR/pytorch_model.bin: the weights are only here as a PyTorch pickle, which can run code "
                + "when it is opened; "
                + SafetensorsErrorTests.convert("DIR/pytorch_model.bin", to: "DIR/model.safetensors"))
        // So is one of another name, a zip too; what a trainer left is no reason to speak of weights.
        try FileManager.default.removeItem(at: folder.path("pytorch_model.bin"))
        try folder.write("training_args.bin", [0x80, 2])
        #expect(message(folder) { _ = try TensorStore(modelFolder: folder.url) }.contains("neither model"))
        try folder.write("consolidated.pth", [0x50, 0x4B, 3, 4])
        #expect(
            message(folder) { _ = try TensorStore(modelFolder: folder.url) }.hasPrefix(
                "DIR/consolidated.pth: the weights are only here as a PyTorch pickle"))
        // A shell takes a name as it is, whatever is in it.
        try FileManager.default.removeItem(at: folder.path("consolidated.pth"))
        try folder.write("$(reboot)');.pth", [0x50, 0x4B, 3, 4])
        #expect(
            message(folder) { _ = try TensorStore(modelFolder: folder.url) }.hasSuffix(
                #" 'DIR/$(reboot)'\'');.pth' DIR/model.safetensors"#))
        // A pickle under the right name is refused by its content.
        try folder.write("model.safetensors", [0x80, 2, 0x7D, 0x71, 0, 0, 0, 0, 0, 0])
        #expect(
            message(folder) { _ = try TensorStore(modelFolder: folder.url) }
                == "DIR/model.safetensors: this is a PyTorch pickle, which can run code when it is opened; "
                + SafetensorsErrorTests.convert("DIR/model.safetensors", to: "DIR/model.safetensors"))
    }

    @Test func opensAModelFolder() throws {
        let folder = try TemporaryFolder()
        try folder.write("config.json", #"{"model_type":"bert","hidden_size":3}"#)
        let tensor = TensorToWrite(name: "w", shape: [3], values: [1, 2, 3])
        try SafetensorsWriter.write([tensor], metadata: [:], to: folder.path("model.safetensors"))
        let model = try HFFolder(folder.url)
        #expect(model.config.modelType == "bert")
        #expect(try floats(model.openWeights(), "w") == [1, 2, 3])
    }

    @Test func refusedModelFolders() throws {
        let folder = try TemporaryFolder()
        try folder.write("file", "")
        #expect(
            message(folder) { _ = try HFFolder(folder.path("none")) }
                == "DIR/none: no such folder; give the path of a model folder; models are not fetched by name"
        )
        #expect(
            message(folder) { _ = try HFFolder(folder.path("file")) }
                == "DIR/file: this is a file; give the model folder that it is in")
        #expect(
            message(folder) { _ = try HFFolder(folder.url) }
                == "DIR: no config.json in this folder; check that it is a Hugging Face model folder")
        try folder.write("config.json", "{\n\"model_type\": bert}")
        #expect(
            message(folder) { _ = try HFFolder(folder.url) }
                == "DIR/config.json: line 2, byte 16: 'b' where a value should begin; "
                + "the file must be JSON: check it, or download it again")
    }
}
