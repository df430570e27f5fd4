import Foundation
import ModelFiles
import Testing

/// Runs of the binary on models that read images, the tiny ones of `Goldens/vision`, and pictures whose colour is their class.
@Suite struct ImageRunTests {
    private static let classes = ["blue", "green", "red"]
    static let preprocessing = """
        {"image_processor_type": "ViTImageProcessor", "do_resize": true, "size": {"height": 12, "width": 12}, "resample": 2, \
        "do_rescale": true, "rescale_factor": 0.00392156862745098, "do_normalize": true, "image_mean": [0.5, 0.5, 0.5], \
        "image_std": [0.5, 0.5, 0.5]}
        """

    /// A folder of pictures, one for each class, and the model beside it.
    private func workspace(_ name: String = "vit") throws -> Workspace {
        let workspace = try Workspace()
        let golden = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .appendingPathComponent("Goldens/vision/\(name)/model")
        try FileManager.default.removeItem(at: workspace.model)
        try FileManager.default.createDirectory(at: workspace.model, withIntermediateDirectories: true)
        for file in ["config.json", "model.safetensors"] {
            try Data(contentsOf: golden.appendingPathComponent(file)).write(
                to: workspace.model.appendingPathComponent(file))
        }
        try workspace.write(Self.preprocessing, to: "model/preprocessor_config.json")
        try write(24, to: "train", in: workspace, shift: 0)
        try write(12, to: "validation", in: workspace, shift: 100)
        return workspace
    }

    private func write(_ count: Int, to folder: String, in workspace: Workspace, shift: Int) throws {
        for index in 0..<count {
            let label = Self.classes[index % 3]
            let url = workspace.file("\(folder)/\(label)")
            try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
            // Stripes of another place in each picture.
            let image = PNGImage(width: 20, height: 16) { x, y in
                let noise = UInt8((x * 7 + y * 13 + (index + shift) * 29) % 90)
                let bright = UInt8(255 - Int(noise))
                return (
                    label == "red" ? bright : noise, label == "green" ? bright : noise,
                    label == "blue" ? bright : noise
                )
            }
            try image.data.write(to: url.appendingPathComponent("\(index).png"))
        }
    }

    private static func training(_ output: String, steps: Int = 40, _ more: [String] = []) -> [String] {
        [
            "train", "--model", "model", "--train", "train", "--validation", "validation", "--output", output,
            "--steps", "\(steps)", "--batch-size", "8", "--budget", "12", "--learning-rate", "1e-2",
        ] + more
    }

    /// The task follows from the model; threads and recomputed layers change no bit; each form of export answers the same.
    @Test(arguments: [("vit", "q_proj", "ViT"), ("dinov2", "fc1", "Dinov2"), ("deit", "q_proj", "DeiT")])
    func trainingAndExports(name: String, module: String, architecture: String) throws {
        let workspace = try workspace(name)
        let more = ["--image-flip", "on", "--image-crop", "0.5"]
        for (output, options) in [
            ("run", ["--threads", "1"]), ("again", ["--threads", "2", "--recompute", "layers"]),
        ] {
            let result = try workspace.run(Self.training(output, more + options))
            try #require(result.status == 0, "\(result.errors)")
            #expect(result.errors.contains("task image-classification"), "\(result.errors)")
        }
        let weights = "adapter-last/adapter_model.safetensors"
        #expect(try workspace.bytes("run/\(weights)") == workspace.bytes("again/\(weights)"))
        let names = try TensorStore(file: workspace.file("run/\(weights)")).tensors.map(\.name)
        #expect(names.contains { $0.contains(".\(module).lora_A") }, "\(names)")
        let evaluation = try workspace.run(["evaluate", "run", "--data", "validation", "--json"])
        let accuracy = try JSONValue.parse(evaluation.output)["metrics"]?["accuracy"]?.double
        #expect(try #require(accuracy) > 0.9, "\(evaluation.output)")
        for form in ["lora", "peft-adalora", "merged"] {
            let result = try workspace.run(["export", "run", "--to", form, "--output", form])
            try #require(result.status == 0, "\(form): \(result.errors)")
            let again = try workspace.run(["evaluate", form, "--data", "validation", "--json"])
            #expect(
                try JSONValue.parse(again.output)["metrics"]?["accuracy"]?.double == accuracy,
                "\(again.errors)")
        }
        let config = try JSONValue.read(workspace.file("merged/config.json"))
        #expect(
            config["architectures"]?.array?.first?.string == "\(architecture)ForImageClassification")
        #expect(try workspace.text("merged/preprocessor_config.json") == Self.preprocessing)
        let stored = try TensorStore(modelFolder: workspace.model).names.filter {
            !$0.hasPrefix("classifier")
        }
        let merged = try TensorStore(modelFolder: workspace.file("merged")).names.filter {
            !$0.hasPrefix("classifier")
        }
        #expect(merged == stored)
        let card = try workspace.text("lora/README.md")
        #expect(card.contains("pipeline_tag: image-classification"), "\(card)")
        #expect(card.contains("AutoImageProcessor.from_pretrained(base)"), "\(card)")
        #expect(!card.contains("tokenizer"), "\(card)")
    }

    /// transformers' classifier on DINOv2 reads two rows beside each other: it has no place for a head on one row.
    @Test func aHeadOnOneRowOfDINOv2() throws {
        let workspace = try workspace("dinov2")
        let trained = try workspace.run(Self.training("run", steps: 8, ["--pooling", "mean"]))
        try #require(trained.status == 0, "\(trained.errors)")
        let lora = try workspace.run(["export", "run", "--to", "lora", "--output", "lora"])
        try #require(lora.status == 0, "\(lora.errors)")
        #expect(lora.errors.contains("has no place for this head"), "\(lora.errors)")
        let card = try workspace.text("lora/README.md")
        #expect(
            card.contains("model.classifier = torch.nn.Linear(model.config.hidden_size, len(labels))"),
            "\(card)")
        #expect(card.contains("`AutoModelForImageClassification` has a head of another size"), "\(card)")
        let merged = try workspace.run(["export", "run", "--to", "merged", "--output", "merged"])
        #expect(
            merged.status == 64 && merged.errors.contains("or train with --pooling pooler"),
            "\(merged.errors)")
        #expect(!workspace.exists("merged"))
    }

    /// A run that was cut goes on with the same images, flips and crops.
    @Test func aResumedRunGivesTheSameBytes() throws {
        let workspace = try workspace()
        let more = [
            "--image-flip", "on", "--image-crop", "0.4", "--checkpoint-every", "7", "--keep-checkpoints", "9",
        ]
        try #require(try workspace.run(Self.training("whole", steps: 20, more)).status == 0)
        try #require(try workspace.run(Self.training("cut", steps: 20, more)).status == 0)
        let resumed = try workspace.run(["train", "--resume", "cut/checkpoints/step-7"])
        try #require(resumed.status == 0, "\(resumed.errors)")
        let weights = "adapter-last/adapter_model.safetensors"
        #expect(try workspace.bytes("whole/\(weights)") == workspace.bytes("cut/\(weights)"))
        let held = try workspace.run(["evaluate", "whole", "--validation-rows"])
        #expect(held.status == 0, "\(held.errors)")
        // Another image is another run.
        try workspace.bytes("train/red/2.png").write(to: workspace.file("train/green/1.png"))
        let refused = try workspace.run(["train", "--resume", "cut/checkpoints/step-7"])
        #expect(
            refused.status != 0 && refused.errors.contains("the images of the training rows"),
            "\(refused.errors)")
        try workspace.bytes("train/red/2.png").write(to: workspace.file("validation/blue/0.png"))
        let changed = try workspace.run(["evaluate", "whole", "--validation-rows"])
        #expect(changed.errors.contains("an image of validation changed since the run"), "\(changed.errors)")
    }

    @Test func predictionsAndScores() throws {
        let workspace = try workspace()
        try #require(try workspace.run(Self.training("run")).status == 0)
        let rows = "{\"image\": \"validation/red/2.png\"}\n{\"image\": \"validation/blue/0.png\"}\n"
        try workspace.write(rows, to: "rows.jsonl")
        let answers = try workspace.run(["predict", "run", "--data", "rows.jsonl"])
        let labels = try answers.output.split(separator: "\n").map {
            try JSONValue.parse(String($0))["label"]?.string
        }
        #expect(labels == ["red", "blue"], "\(answers.output) \(answers.errors)")
        let scores = (0..<24).map { index in
            "{\"image\": \"train/\(Self.classes[index % 3])/\(index).png\", \"score\": \(index % 3)}\n"
        }
        try workspace.write(scores.joined(), to: "scores.jsonl")
        let result = try workspace.run([
            "train", "--model", "model", "--train", "scores.jsonl", "--task", "regression", "--output",
            "scores",
            "--steps", "60", "--batch-size", "8", "--budget", "12", "--learning-rate", "1e-2",
        ])
        try #require(result.status == 0, "\(result.errors)")
        let measured = try workspace.run(["evaluate", "scores", "--data", "scores.jsonl", "--json"])
        #expect(
            try #require(JSONValue.parse(measured.output)["metrics"]?["pearson"]?.double) > 0.8,
            "\(measured.output)")
    }

    /// From nothing: initial weights, all of which train; the model then is one that opens like any.
    @Test func aModelFromNothing() throws {
        let workspace = try workspace()
        try FileManager.default.removeItem(at: workspace.file("model/model.safetensors"))
        for _ in 0..<2 {
            let result = try workspace.run(["init", "model", "--seed", "3"])
            if workspace.exists("first.safetensors") {
                #expect(
                    result.status == 64 && result.errors.contains("model.safetensors is there"),
                    "\(result.errors)")
                try FileManager.default.removeItem(at: workspace.file("model/model.safetensors"))
                try #require(try workspace.run(["init", "model", "--seed", "3"]).status == 0)
            } else {
                try #require(result.status == 0, "\(result.errors)")
                try workspace.bytes("model/model.safetensors").write(to: workspace.file("first.safetensors"))
            }
        }
        #expect(try workspace.bytes("model/model.safetensors") == workspace.bytes("first.safetensors"))
        let arguments = [
            "train", "--model", "model", "--train", "train", "--validation", "validation", "--output", "run",
            "--steps", "60", "--batch-size", "8", "--method", "full", "--learning-rate", "3e-3",
        ]
        let result = try workspace.run(arguments)
        try #require(result.status == 0, "\(result.errors)")
        let evaluation = try workspace.run(["evaluate", "run", "--data", "validation", "--json"])
        #expect(
            try #require(JSONValue.parse(evaluation.output)["metrics"]?["accuracy"]?.double) > 0.9,
            "\(evaluation.output)"
        )
        let text = try workspace.run([
            "train", "--model", "run/model", "--train", "train", "--output", "more", "--steps", "8",
            "--budget", "12",
        ])
        try #require(text.status == 0, "\(text.errors)")
    }

    /// A comparison on folders of images, whose task follows from the model; other images are other trials.
    @Test func comparing() throws {
        let workspace = try workspace()
        try write(12, to: "test", in: workspace, shift: 200)
        let plan = [
            "name: colours", "model: model", "train: train", "validation: validation", "test: test",
            "metric: accuracy", "average-ranks: [1]", "seeds: [42]", "baseline: LoRA",
            "search: {learning-rates: [1e-2], seeds: [7]}", "settings: {steps: 8, batch-size: 8}", "arms:",
            "  - {name: LoRA, settings: {method: lora}}", "  - {name: AdaLoRA, settings: {method: adalora}}",
        ]
        try workspace.write(plan.joined(separator: "\n") + "\n", to: "plan.yaml")
        func lines() throws -> Int {
            try workspace.text("compared/results.jsonl").split(separator: "\n").count
        }
        for _ in 0..<2 {
            let result = try workspace.run(["compare", "plan.yaml", "--output", "compared"])
            try #require(result.status == 0, "\(result.errors)")
            // With one learning rate there is nothing to search.
            #expect(try lines() == 2)
        }
        try workspace.bytes("train/red/2.png").write(to: workspace.file("train/green/1.png"))
        try #require(try workspace.run(["compare", "plan.yaml", "--output", "compared"]).status == 0)
        #expect(try lines() == 4)
    }

    /// On folders of images, whose task follows from the model: a probe that reads them as the run does, and a sweep that goes on.
    @Test func adviceAndSweeps() throws {
        let workspace = try workspace()
        try write(72, to: "rows", in: workspace, shift: 300)
        try write(24, to: "held", in: workspace, shift: 500)
        let data = ["--model", "model", "--train", "rows", "--validation", "held", "--threads", "1"]
        let advise =
            ["advise"] + data + ["--batch-size", "8", "--image-crop", "0.5", "--output", "run.yaml"]
        let advised = try workspace.run(advise)
        try #require(advised.status == 0, "\(advised.errors)")
        #expect(advised.output.contains("The probe took"), "\(advised.output)")
        let settings = try workspace.text("run.yaml")
        #expect(settings.contains("image-crop: 0.5") && settings.contains("train: rows"), "\(settings)")
        let sweep =
            ["sweep"] + data + [
                "--ranks", "1,2", "--seeds", "1", "--set", "steps=8", "--set", "batch-size=8", "--output",
                "out",
            ]
        let first = try workspace.run(sweep)
        try #require(first.status == 0, "\(first.errors)")
        let again = try workspace.run(sweep)
        #expect(again.status == 0 && again.output == first.output, "\(again.errors)")
        #expect(!again.errors.contains("rank 2, seed"), "\(again.errors)")
        let name = "held/\(Self.classes[0])/3.png"
        let image = try workspace.bytes(name)
        try image.prefix(image.count / 2).write(to: workspace.file(name))
        let damaged = try workspace.run(advise)
        #expect(
            damaged.status == 65 && damaged.errors.contains("\(name): the PNG image is cut off"),
            "\(damaged.errors)")
        let other = try workspace.run(sweep)
        #expect(other.status == 64 && other.errors.contains("other data"), "\(other.errors)")
    }

    @Test func whatDoesNotFitIsSaid() throws {
        let workspace = try workspace()
        func errors(_ arguments: [String]) throws -> String {
            let result = try workspace.run(arguments)
            #expect(result.status != 0)
            return result.errors
        }
        let tokens = try errors(Self.training("a", ["--task", "token-classification"]))
        #expect(
            tokens.contains("this model reads images, of which --task token-classification means nothing"),
            "\(tokens)")
        let virtual = try errors(
            Self.training("b", ["--method", "prefix"]).filter { $0 != "--budget" && $0 != "12" })
        #expect(virtual.contains("this model reads images; use --method"), "\(virtual)")
        try FileManager.default.removeItem(at: workspace.file("model/preprocessor_config.json"))
        let processor = try errors(Self.training("c"))
        #expect(processor.contains("no preprocessor_config.json in this folder"), "\(processor)")
        #expect(try workspace.contents(of: ".").allSatisfy { !["a", "b", "c"].contains($0) })
    }
}
