/// Texts by which tokenizers are told apart: where words, digits, marks and white space of many kinds meet.
enum TokenizerProbes {
    static let texts = [
        // What llama.cpp's converter tells pre-tokenizers apart by.
        "\n \n\n \n\n\n \t \t\t \t\n  \n   \n    \n     \n🚀 (normal) 😶\u{200d}🌫️ (multiple emojis concatenated) ✅ "
            + "🦙🦙 3 33 333 3333 33333 333333 3333333 33333333 3.3 3..3 3...3 កាន់តែពិសេសអាច😁 ?我想在apple工作1314151天～ "
            + "------======= нещо на Български ''''''```````\"\"\"\"......!!!!!!?????? I've been 'told he's there, 'RE "
            + "you sure? 'M not sure I'll make it, 'D you like some tea? We'Ve a'lL",
        "Hello, world! It's 2024-07-26, 12:30 o'clock; that's $1,234,567.89 (or 99.9 %).",
        "def f(x, *, y=None):\n    \"\"\"Doc.\"\"\"\n\treturn {**x, 'k': [1, 2, 3]}  # ok\r\n\r\n\n",
        "HTTPServer2xx camelCaseWord snake_case_word kebab-case-word CONSTANT_VALUE x1y2z3 ABCdefGHI",
        "ÜBER straße Ǆungla ǅ ǆ naïve café İstanbul ﬁne ½ ² Ⅷ ① ª º",
        "日本語のテキストです。中文字符和ABC混合123。한국어 문장입니다. ภาษาไทย हिन्दी में १२३ العربية ١٢٣ עברית",
        "I'll WE'RE they'd CAN'T it’s 'quoted' \"double\" — dash – en… ellipsis «guillemets» ‚low‘",
        "a  b   c    d\te\t\tf\n\ng\n\n\nh \n i\r\nj\u{00a0}k\u{2003}l\u{3000}m\u{200b}n",
        "1 12 123 1234 12345 123456 1234567 0x1F 3e-10 1_000 v2.0.1 №5 x² 10⁻³",
        "!!! ??? ... ,,, ;;; ::: +++ === <<< >>> ### $$$ @@@ ~~~ ^^^ ||| \\\\\\ /// (( )) [[ ]] {{ }}",
        "http://example.org/a/b?c=d&e=f#g user@example.com C:\\dir\\file.txt /usr/lib/x86_64",
        "👩‍👩‍👧‍👦👍🏽🇩🇪 ❤️ ♠ ∑∫√≠ αβγ АБВ əʃʒ\u{0}\u{7f}", " lead", "trail ", "  two  ", "\n", " ", "",
        "👨‍👩‍👧‍👦🏳️‍🌈 👍🏽!1 ❤️word ‼the １õ 𝔘𝔫𝔦 𝟘𝟙 XMLHttpRequest ABC aB ǅabc path/to/file.txt //comment /n/z",
        "'s 't 're 've 'm 'll 'd 'S 'T 'RE 'x ' s",
    ]

    /// Longer than the words that BERT's tokenizers look at
    static let longWord = String(repeating: "ab", count: 60)

    /// A letter with its accent behind it, which some tokenizers make one of.
    static let decomposed = "cafe\u{301}"
}
