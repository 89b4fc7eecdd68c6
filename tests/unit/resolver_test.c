#include "net/resolver.h"
#include "tests/unit/test.h"
#include <sys/wait.h>

static void names_become_addresses(void)
{
    static const char names[][RESOLVER_NAME_SIZE] = {"localhost"};
    struct resolver r;
    struct address found[CANDIDATES_MAX], expected;
    size_t count = 0;
    char text[ADDRESS_TEXT_SIZE];
    CHECK(resolver_start(&r, names, 1));
    CHECK(resolver_read(&r, 20000, found, &count) && count > 0);
    for (size_t i = 0; i < count; i++) {
        address_ip_text(&found[i], text);
        CHECK(strcmp(text, "127.0.0.1") == 0 || strcmp(text, "::1") == 0);
    }
    CHECK(address_parse(&expected, text, 0) && address_equal(&expected, &found[count - 1]));
    CHECK(!resolver_read(&r, 0, found, &count)); /* nothing new */
    resolver_stop(&r);
    CHECK(!resolver_read(&r, 0, found, &count));
    CHECK(wait(NULL) > 0); /* its process noticed */
}

static void name_that_is_not_found_gives_nothing(void)
{
    static const char names[][RESOLVER_NAME_SIZE] = {"no-such-name.invalid"};
    struct resolver r;
    struct address found[CANDIDATES_MAX];
    size_t count = 99;
    CHECK(resolver_start(&r, names, 1));
    if (resolver_read(&r, 1000, found, &count)) /* a look-up may take long without a name server */
        CHECK_EQ(count, 0);
    resolver_stop(&r);
    CHECK(wait(NULL) > 0);
}

TEST_MAIN(TEST(names_become_addresses), TEST(name_that_is_not_found_gives_nothing))
