import Foundation
import GoldenFiles
import Images
import ModelFiles
import Testing

/// Image processors of transformers, by their files.
@Suite struct PreprocessingTests {
    private static func cases() throws -> [JSONValue] {
        try #require(try Golden.json("images/processors.json")["cases"]?.array)
    }

    @Test func equalsThePILBackend() throws {
        let expected = try Golden.tensors("images/processors.safetensors")
        let cases = try Self.cases()
        #expect(cases.count > 20)
        for entry in cases {
            let name = try #require(entry["name"]?.string)
            let config = try #require(entry["config"]?.object)
            let file = ImageGolden.file(try #require(entry["file"]?.string))
            let pixels = try ImagePreprocessing(json: config, file: "f").pixels(file)
            #expect(expected.info(name)?.shape == [3, pixels.height, pixels.width], "\(name)")
            #expect(pixels.values == (try expected.floats(name)), "\(name)")
        }
    }

    /// One sample of 255 apart at most: that backend rounds otherwise when it resizes.
    @Test func staysNearTheTorchvisionBackend() throws {
        let expected = try Golden.tensors("images/processors.safetensors")
        var compared = 0
        for entry in try Self.cases() {
            let name = try #require(entry["name"]?.string)
            let config = try #require(entry["config"]?.object)
            guard expected.info("fast.\(name)") != nil else { continue }
            let preprocessing = try ImagePreprocessing(json: config, file: "f")
            let pixels = try preprocessing.pixels(ImageGolden.file(try #require(entry["file"]?.string)))
            let step = preprocessing.sampleStep
            let area = pixels.height * pixels.width
            let fast = try expected.floats("fast.\(name)")
            #expect(fast.count == pixels.values.count, "\(name)")
            for (at, (own, other)) in zip(pixels.values, fast).enumerated()
            where abs(own - other) > 1.01 * step[at / area] {
                Issue.record("\(name): \(own) and \(other)")
                break
            }
            compared += 1
        }
        #expect(compared > 20)
    }

    @Test func classesHaveTheirDefaults() throws {
        let classes = try #require(try Golden.json("images/classes.json").object)
        #expect(classes.count == 6)
        for (name, written) in classes.members {
            let full = try ImagePreprocessing(json: try #require(written.object), file: "f")
            for spelling in [
                name, name + "Fast", name + "Pil", name.replacing("ImageProcessor", with: "FeatureExtractor"),
            ] {
                let bare = try ImagePreprocessing(
                    json: ["image_processor_type": .string(spelling)], file: "f")
                #expect(
                    bare.outputSize.map { [$0.height, $0.width] }
                        == full.outputSize.map { [$0.height, $0.width] }, "\(spelling)")
                let file = ImageGolden.file("rgb-420.jpg")
                #expect(try bare.pixels(file) == full.pixels(file), "\(spelling)")
            }
        }
    }

    private static let refused: [(json: String, key: String, problem: String)] = [
        (
            #"{"image_processor_type": "ConvNextImageProcessor"}"#, "image_processor_type",
            "'ConvNextImageProcessor' is not known"
        ),
        ("{}", "image_processor_type", "missing"),
        (
            #"{"image_processor_type": "ViTImageProcessor", "crop_pct": 0.9}"#, "crop_pct",
            "it may change pixels"
        ),
        (
            #"{"image_processor_type": "ViTImageProcessor", "rescale_offset": true}"#, "rescale_offset",
            "it may change pixels"
        ),
        (
            #"{"image_processor_type": "ViTImageProcessor", "do_pad": true}"#, "do_pad",
            "images are not padded"
        ),
        (
            #"{"image_processor_type": "ViTImageProcessor", "do_resize": 1}"#, "do_resize",
            "neither true nor false"
        ),
        (
            #"{"image_processor_type": "ViTImageProcessor", "resample": 6}"#, "resample",
            "6 is none of PIL's filters"
        ),
        (
            #"{"image_processor_type": "ViTImageProcessor", "resample": "bicubic"}"#, "resample",
            "none of PIL's filters"
        ),
        (#"{"image_processor_type": "ViTImageProcessor", "size": 0}"#, "size", "0 is no side"),
        (#"{"image_processor_type": "ViTImageProcessor", "size": 99999}"#, "size", "99999 is no side"),
        (#"{"image_processor_type": "ViTImageProcessor", "size": [1, 2, 3]}"#, "size", "3 sides"),
        (
            #"{"image_processor_type": "ViTImageProcessor", "size": {"longest_edge": 5}}"#, "size",
            "no size that transformers 5"
        ),
        (
            #"{"image_processor_type": "ViTImageProcessor", "size": {"height": 5}}"#, "size",
            "no size that transformers 5"
        ),
        (#"{"image_processor_type": "ViTImageProcessor", "do_center_crop": true}"#, "crop_size", "missing"),
        (
            #"{"image_processor_type": "CLIPImageProcessor", "crop_size": {"height": 5}}"#, "crop_size",
            "null is no side"
        ),
        (
            #"{"image_processor_type": "CLIPImageProcessor", "use_square_size": true}"#, "use_square_size",
            "not known any more"
        ),
        (
            #"{"image_processor_type": "ViTImageProcessor", "image_mean": [0.5]}"#, "image_mean",
            "not a number for each"
        ),
        (
            #"{"image_processor_type": "ViTImageProcessor", "image_std": [1, 0, 1]}"#, "image_std",
            "nothing can be divided"
        ),
        (
            #"{"image_processor_type": "ViTImageProcessor", "image_std": [1, 1, "a"]}"#, "image_std",
            "not a number for each"
        ),
        (
            #"{"image_processor_type": "ViTImageProcessor", "rescale_factor": "a"}"#, "rescale_factor",
            "is not a number"
        ),
    ]

    @Test func refusesByKey() throws {
        for row in Self.refused {
            let json = try #require(try JSONValue.parse(row.json).object)
            do {
                _ = try ImagePreprocessing(json: json, file: "a/preprocessor_config.json")
                Issue.record("\(row.json) is read")
            } catch let error as ModelFileError {
                #expect(error.place == "key '\(row.key)'" && error.problem.contains(row.problem), "\(error)")
                #expect("\(error)".hasPrefix("a/preprocessor_config.json: "))
            }
        }
    }

    @Test func foldersAreReadAsByTransformers() throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("processor-\(UUID())")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        func write(_ text: String, _ name: String) throws {
            try Data(text.utf8).write(to: folder.appendingPathComponent(name))
        }
        #expect(!ImagePreprocessing.isIn(folder))
        #expect(throws: ModelFileError.self) { try ImagePreprocessing(folder: folder) }
        // Without a class it is the model's.
        try write(#"{"size": 20}"#, "preprocessor_config.json")
        #expect(throws: ModelFileError.self) { try ImagePreprocessing(folder: folder) }
        try write(#"{"model_type": "vit"}"#, "config.json")
        #expect(try ImagePreprocessing(folder: folder).outputSize.map { [$0.height, $0.width] } == [20, 20])
        try write(#"{"model_type": "dinov2"}"#, "config.json")
        let cropped = try ImagePreprocessing(folder: folder)
        #expect(cropped.outputSize.map { [$0.height, $0.width] } == [224, 224])
        #expect(cropped.asWritten == ["size": .number(20)])
        // The newer file comes first, but for those that say nothing of images.
        try write(#"{"processor_class": "CLIPProcessor"}"#, "processor_config.json")
        #expect(try ImagePreprocessing(folder: folder).asWritten == ["size": .number(20)])
        try write(
            #"{"image_processor": {"image_processor_type": "SiglipImageProcessorFast", "size": {"height": 8, "width": 6}}}"#,
            "processor_config.json")
        #expect(try ImagePreprocessing(folder: folder).outputSize.map { [$0.height, $0.width] } == [8, 6])
        #expect(ImagePreprocessing.isIn(folder))
    }

    /// A line of pixels must not become an image that fills the memory.
    @Test func absurdProportionsAreRefused() throws {
        let preprocessing = try ImagePreprocessing(
            json: ["image_processor_type": .string("CLIPImageProcessor")], file: "f")
        let line = RGBImage(height: 1, width: 600_000, samples: [UInt8](repeating: 0, count: 1_800_000))
        do {
            _ = try preprocessing.pixels(line, name: "line.png")
            Issue.record("the line is read")
        } catch let error as ImageError {
            #expect(error.problem.contains("become 134400000 × 224"), "\(error)")
        }
    }
}
