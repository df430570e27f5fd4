#include "CCharacterWidths.h"

#include <locale.h>
#include <wchar.h>

// Widths depend on the locale: this one knows all characters, in whatever language the program runs. 0 where the C library
// lacks it (glibc has had it since 2.35, Debian before that).
static locale_t unicode;

__attribute__((constructor)) static void open_locale(void) {
    unicode = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0);
}

int ccw_columns(uint32_t scalar) {
    if (!unicode) return 1;
    locale_t before = uselocale(unicode);
    int columns = wcwidth((wchar_t)scalar);
    uselocale(before);
    return columns < 0 ? 1 : columns;
}
